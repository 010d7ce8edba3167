import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CinnabarClient } from "@cinnabar/client";
import { ServerProcess, sharedPostgres, skipWithout } from "@cinnabar/testkit";
import { codeOf } from "../src/crash/refusal-code.ts";
import { temporaryDirectory } from "../src/crash/temporary-directory.ts";
import { cinnabar } from "./cinnabar.ts";

/** So many batches of one node that its log is followed while the test goes on. */
const CALLS_ONE_BY_ONE = 600;
const CALLERS = 4;
const CALLS_AT_ONCE = 50;
/** Longest rest of a caller that keeps using a key while somebody tries to have it deleted, for each try. */
const REST_MILLIS = 100;

interface Tally {
  readonly Uses?: { readonly Count: number };
  readonly Refusals?: { readonly Count: number };
}
interface Usage extends Tally {
  readonly Operations: { readonly Operation: readonly (Tally & { readonly Name: string })[] };
  readonly ContextNames: { readonly ContextName: readonly (Tally & { readonly Name: string })[] };
  readonly UsageReport: string;
  readonly UsageReportHash: string;
}

test("usage counts every call that was answered, on SQLite, and the reviewed report has them all", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  await proveUsage([server], [`--data=${data}`]);
  await proveCommand(server, join(data, "root-access-key.json"));
  await server.stop();
  await using again = await ServerProcess.start({ data });
  await again.stop();
});

describe("usage on PostgreSQL", { skip: skipWithout("postgresql") }, () => {
  test("usage counts every call that was answered by either node, and the reviewed report has them all", async () => {
    await using directory = await temporaryDirectory();
    const postgres = await sharedPostgres();
    const database = await postgres.createDatabase();
    const data = join(directory.path, "first");
    const rootKeyFile = join(data, "root.key");
    await using first = await ServerProcess.start({ data, database });
    const { credentials } = first;
    await using second = await ServerProcess.start({
      data: join(directory.path, "second"),
      database,
      rootKeyFile,
      credentials,
    });
    await proveUsage([first, second], [`--data=${data}`, `--database=${database}`, `--seal=file:${rootKeyFile}`]);
    await second.stop();
    await first.stop();
    await postgres.dropDatabase(database);
  });
});

async function proveUsage(nodes: readonly ServerProcess[], deployment: readonly string[]): Promise<void> {
  const clients = nodes.map((node) => node.client());
  try {
    await proveCounts(clients);
    await proveReview(clients, deployment);
  } finally {
    for (const client of clients) client.close();
  }
}

/** Whatever node is asked, whenever, and however far the log has been followed: no call is missing, none counts twice. */
async function proveCounts(clients: readonly CinnabarClient[]): Promise<void> {
  const [some] = clients;
  assert.ok(some);
  const key = await createKey(some);
  assert.deepEqual(uses(await usageOf(some, key)), {});
  let encrypted = 0;
  const check = async (more: Record<string, number> = {}) => {
    for (const client of clients) assert.deepEqual(uses(await usageOf(client, key)), { Encrypt: encrypted, ...more });
  };
  for (let i = 0; i < CALLS_ONE_BY_ONE; i++) {
    await clients[i % clients.length]?.call("Encrypt", {
      KeyId: key,
      Plaintext: "text",
      "EncryptionContext.tenant": "t",
    });
    encrypted++;
    if (i % 100 === 0) await check();
  }
  await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: CALLERS }, async () => {
        for (let i = 0; i < CALLS_AT_ONCE; i++) {
          await client.call("Encrypt", { KeyId: key, Plaintext: "text", "EncryptionContext.tenant": "t" });
          encrypted++;
        }
      }),
    ),
  );
  await check();
  const before = await usageOf(some, key);
  assert.deepEqual(
    before.ContextNames.ContextName.map(({ Name, Uses }) => [Name, Uses?.Count]),
    [["tenant", encrypted]],
  );

  await some.call("DescribeKey", { KeyId: key });
  await some.call("DisableKey", { KeyId: key });
  assert.equal((await usageOf(some, key)).UsageReportHash, before.UsageReportHash, "nobody used it");
  assert.equal(await codeOf(some.call("Encrypt", { KeyId: key, Plaintext: "text" })), "Rejected.Disabled");
  const after = await usageOf(some, key);
  assert.notEqual(after.UsageReportHash, before.UsageReportHash);
  assert.equal(after.Refusals?.Count, 1);
  await check();
}

/** Callers use a key without a pause until it is to be deleted: the report that this took has every one of their calls. */
async function proveReview(clients: readonly CinnabarClient[], deployment: readonly string[]): Promise<void> {
  const [some] = clients;
  assert.ok(some);
  const account = JSON.parse((await cinnabar(["account", "list", "--json", ...deployment])).output) as {
    accounts: { accountId: string; requireUsageReview: boolean }[];
  };
  assert.equal(account.accounts[0]?.requireUsageReview, false);
  const accountId = account.accounts[0].accountId;
  const set = await cinnabar(["account", "set", accountId, "--require-usage-review", "on", "--json", ...deployment]);
  assert.deepEqual(JSON.parse(set.output), { accountId, requireUsageReview: true, changed: true }, set.errors);
  const key = await createKey(some);
  const schedule = (client: CinnabarClient, hash?: string) =>
    codeOf(client.call("ScheduleKeyDeletion", { KeyId: key, PendingWindowInDays: 7, UsageReportHash: hash }));
  for (const client of clients) assert.equal(await schedule(client), "Rejected.UsageNotReviewed");

  let answered = 0;
  /** Calls that were told 503: whether they are on record nobody knows. */
  let unclear = 0;
  let tries = 1;
  const calling = clients.flatMap((client) =>
    Array.from({ length: 2 }, async () => {
      for (;;) {
        const code = await codeOf(client.call("Encrypt", { KeyId: key, Plaintext: "text" }));
        if (code === "Rejected.PendingDeletion") return;
        if (code === undefined) answered++;
        else if (code === "ServiceUnavailableTemporary") unclear++;
        else assert.fail(code);
        // The slower this machine is, the longer it takes until nobody uses the key in between.
        await sleep(Math.random() * REST_MILLIS * tries);
      }
    }),
  );
  let reviewed: Usage;
  for (; ; tries++) {
    const client = clients[tries % clients.length] ?? some;
    reviewed = await usageOf(some, key);
    const code = await schedule(client, reviewed.UsageReportHash);
    if (code === undefined) break;
    assert.equal(code, "Rejected.UsageNotReviewed", "a use came in between");
  }
  await Promise.all(calling);
  const seen = reviewed.Uses?.Count ?? 0;
  assert.ok(answered <= seen && seen <= answered + unclear, `${answered} were answered, and ${seen} reviewed`);

  const last = await usageOf(some, key);
  assert.equal(last.Uses?.Count ?? 0, seen, "nothing was put on record afterwards");
  assert.equal(last.Refusals?.Count, clients.length * 2, "whoever still tries is seen");
  await some.call("CancelKeyDeletion", { KeyId: key });
  assert.equal(await schedule(some, reviewed.UsageReportHash), "Rejected.UsageNotReviewed");
  const off = await cinnabar(["account", "set", accountId, "--require-usage-review", "off", ...deployment]);
  assert.equal(off.exitCode, 0, off.errors);
  assert.equal(await schedule(some), undefined);
}

/** The command shows what the operation answers. */
async function proveCommand(server: ServerProcess, credentials: string): Promise<void> {
  const client = server.client();
  const key = await createKey(client);
  await client.call("CreateAlias", { KeyId: key, AliasName: "alias/reports" });
  const show = (...more: string[]) =>
    cinnabar([
      "key",
      "usage",
      "alias/reports",
      `--credentials=${credentials}`,
      `--endpoint=${server.endpoint.origin}`,
      ...more,
    ]);
  assert.equal((await show()).output, `Key ${key}\nIt was never used.\n`);

  await client.call("Encrypt", { KeyId: "alias/reports", Plaintext: "text" });
  const { UsageReport, UsageReportHash } = await usageOf(client, key);
  client.close();
  const report = await show("--report");
  assert.deepEqual([report.output, report.errors], [UsageReport, `UsageReportHash ${UsageReportHash}\n`]);
  assert.match((await show()).output, /^Key .*\nUsed once, first at .*\nIn the last 7 days once,.*\n\nOPERATION /);
}

async function createKey(client: CinnabarClient): Promise<string> {
  return ((await client.call("CreateKey"))["KeyMetadata"] as { KeyId: string }).KeyId;
}

async function usageOf(client: CinnabarClient, key: string): Promise<Usage> {
  const usage = (await client.call("GetKeyUsage", { KeyId: key })) as unknown as Usage;
  assert.equal(createHash("sha256").update(usage.UsageReport).digest("hex"), usage.UsageReportHash);
  return usage;
}

/** How often each operation was answered. */
function uses({ Operations }: Usage): Record<string, number> {
  return Object.fromEntries(Operations.Operation.map(({ Name, Uses }) => [Name, Uses?.Count ?? 0]));
}
