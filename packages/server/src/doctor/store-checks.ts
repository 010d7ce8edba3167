import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import {
  assertMigrated,
  loadDeployment,
  openDeploymentKeys,
  MAX_CLOCK_BEHIND_MILLIS,
  NewerStoreError,
  OlderStoreError,
  readHighWater,
  readStoreTime,
  RowGuard,
  type StoreReader,
} from "@cinnabar/kernel";
import { type Configuration, maskPassword } from "../configuration/index.ts";
import { openRootKey } from "../open-deployment.ts";
import { describeAsynchronous, readReplication } from "../replication.ts";
import { createSeal } from "../seal/index.ts";
import { migrations } from "../tables.ts";
import { Findings, sentenceOf } from "./finding.ts";
import type { OpenedStore } from "./opened-store.ts";

const SQLITE_SCHEME = "sqlite:";
const SECOND_MILLIS = 1000;

/** Looks at a database that could be opened: its settings, its schema, its clock, and whether the root key fits. */
export async function checkStore(store: OpenedStore, configuration: Configuration): Promise<Findings> {
  const findings = new Findings();
  const { reader } = store;
  if (reader.kind === "sqlite") await checkSqlite(findings, { store, url: configuration.database });
  else await checkPostgresql(findings, { reader, url: configuration.database });
  if (store.rootKeyCheck === undefined) {
    findings.problem("deployment", {
      found: "the database is empty",
      advice: "Is --database right? cinnabar init makes a deployment",
      see: "docs/operations.md",
    });
    return findings;
  }
  await checkSchema(findings, reader);
  await checkClock(findings, reader);
  await checkRootKey(findings, { store, expected: store.rootKeyCheck, configuration });
  return findings;
}

async function checkSqlite(findings: Findings, { store, url }: { store: OpenedStore; url: string }): Promise<void> {
  const path = url.slice(SQLITE_SCHEME.length);
  try {
    await access(path, constants.R_OK | constants.W_OK);
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    findings.problem("database", {
      found: `${path} or its directory cannot be written by this user: ${sentenceOf(error)}`,
      advice: "Run cinnabar as the user that the server runs as, and let that own the data directory",
    });
    return;
  }
  if (store.hasWriteAheadLog) findings.ok("database", `${path}, with a log of writes that every commit is flushed to`);
  else {
    findings.warning("database", {
      found: `${path} has no log of writes`,
      advice: "A server sets the journal mode to wal when it starts: what else has had this file open?",
    });
  }
}

/** That fsync, full_page_writes and synchronous_commit are on, and that it is the primary, was checked as it was opened. */
async function checkPostgresql(
  findings: Findings,
  { reader, url }: { reader: StoreReader; url: string },
): Promise<void> {
  const version = await setting(reader, "SELECT current_setting('server_version') AS value");
  const settings = "fsync, full_page_writes and synchronous_commit are on";
  findings.ok("database", `${maskPassword(url)}, the primary, PostgreSQL ${version}: ${settings}`);
  const replication = await readReplication(reader);
  if (replication?.kind === "synchronous") findings.ok("replication", `synchronous: ${replication.standbys}`);
  else if (replication?.kind === "asynchronous") {
    findings.warning("replication", {
      found: describeAsynchronous(replication.standbys),
      advice: "Set synchronous_standby_names",
      see: "docs/operations.md#several-nodes-on-postgresql",
    });
  }
  const writable = await setting(
    reader,
    "SELECT CASE WHEN to_regclass('audit_batch') IS NULL OR has_table_privilege('audit_batch', 'INSERT') THEN 1 ELSE 0 END AS value",
  );
  if (writable !== "1") {
    findings.problem("database", {
      found: "this user may not write it",
      advice: "Give it the rights of the tables' owner",
    });
  }
}

async function checkSchema(findings: Findings, reader: StoreReader): Promise<void> {
  try {
    await assertMigrated(reader, migrations);
    findings.ok("schema", `up to date, ${migrations.length} steps`);
  } catch (error) {
    const found = sentenceOf(error);
    if (error instanceof OlderStoreError)
      findings.warning("schema", { found, advice: "Make a backup before", see: "docs/operations.md#upgrades" });
    else if (error instanceof NewerStoreError)
      findings.problem("schema", { found, see: "docs/operations.md#upgrades" });
    else throw error;
  }
}

async function checkClock(findings: Findings, reader: StoreReader): Promise<void> {
  const [time, highWater] = [await readStoreTime(reader), await readHighWater(reader)];
  const see = "docs/runbooks/clock-behind.md";
  const behind = highWater - time;
  if (behind > MAX_CLOCK_BEHIND_MILLIS) {
    findings.problem("clock", {
      found: `the database's clock is ${Math.round(behind / SECOND_MILLIS)} s behind the times on record: every call is refused`,
      advice: "Set it right; if it was wrongly set forward before, stop all nodes and run cinnabar clock reset",
      see,
    });
    return;
  }
  const apart = Math.abs((await reader.clock()) - Date.now());
  if (apart > MAX_CLOCK_BEHIND_MILLIS) {
    findings.warning("clock", {
      found: `the database's clock and this machine's are ${Math.round(apart / SECOND_MILLIS)} s apart`,
      advice: "Calls whose time is 15 minutes from the database's are refused: keep all clocks by NTP",
      see,
    });
    return;
  }
  findings.ok("clock", "not behind the times on record");
}

/** Nobody is asked for a passphrase or a share that was not given with --unseal-from, and no other service is called. */
async function checkRootKey(
  findings: Findings,
  options: { store: OpenedStore; expected: string; configuration: Configuration },
): Promise<void> {
  const { store, expected, configuration } = options;
  const see = "docs/runbooks/seal-missing.md";
  try {
    const seal = await createSeal(configuration.seal, configuration);
    const asksNobody = seal.kind === "file" || seal.kind === "env";
    if (
      asksNobody ||
      ((seal.kind === "passphrase" || seal.kind === "shamir") && configuration.unsealFrom !== undefined)
    ) {
      const rootKey = await openRootKey(seal, expected);
      const { guardKeys } = await openDeploymentKeys(store.reader, rootKey);
      await loadDeployment(store.reader, new RowGuard(guardKeys));
      findings.ok("root key", `${seal.describe()} opens this store`);
      return;
    }
    const claimed = await seal.claim();
    if (claimed === undefined && seal.path !== undefined) {
      findings.problem("root key", {
        found: `there is none in ${seal.describe()}`,
        advice: "Name the right one with --seal",
        see,
      });
    } else if (claimed === undefined) {
      findings.ok("root key", `in the keeping of ${seal.describe()}, which is asked at start only`);
    } else if (claimed === expected) {
      findings.ok("root key", `${seal.describe()} is this store's; it was not opened`);
    } else {
      findings.problem("root key", {
        found: `the store is sealed under ${expected}, and ${seal.describe()} keeps ${claimed}`,
        advice: "Name the right one with --seal",
        see,
      });
    }
  } catch (error) {
    findings.problem("root key", { found: sentenceOf(error), see });
  }
}

async function setting({ reader }: StoreReader, sql: string): Promise<string> {
  const [row] = (await reader.execute(sql, [])).rows;
  return String(row?.["value"] ?? "");
}
