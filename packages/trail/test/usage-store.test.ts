import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Backend,
  droppedEvents,
  kernelMigrations,
  kyselyOn,
  migrate,
  openPostgresql,
  readBatchRow,
  sealBatch,
  SqliteBackend,
  STORED_SUM_BYTES,
} from "@cinnabar/kernel";
import { Frontier } from "@cinnabar/merkle-log";
import { forEachDatabase, type TestDatabase } from "@cinnabar/testkit";
import {
  type KeyUsage,
  KeyUsageReader,
  LogFollower,
  recountedBodies,
  trailMigrations,
  usageContributor,
  UsageRecount,
} from "@cinnabar/trail";
import fc from "fast-check";
import type { Kysely } from "kysely";
import { addUse, DAY_MILLIS, emptyCounts, KEPT_DAYS, MAX_NAMES } from "../src/usage/usage-counts.ts";
import { addUsage } from "../src/usage/usage-repository.ts";
import { ACCOUNT_ID, callEvent, type TestCall } from "./usage-event.ts";

const OPERATIONS = new Set(["Encrypt", "Decrypt", "ReEncrypt"]);
const KEYS = ["key-a", "key-b", "key-c"];
const START = Date.UTC(2026, 0, 2);
const SHARDS = [1, 2];

/** Logs without a deployment: batches are written as the committer writes them. */
class Logs implements AsyncDisposable {
  readonly backend: Backend;
  readonly db: Kysely<unknown>;
  readonly #frontiers = new Map<number, Frontier>();
  readonly #seqs = new Map<number, number>();
  readonly #resources: AsyncDisposableStack;

  private constructor(backend: Backend, resources: AsyncDisposableStack) {
    this.backend = backend;
    this.db = kyselyOn(backend.kind, backend.reader);
    this.#resources = resources;
  }

  static async open(database: TestDatabase, migrations = trailMigrations): Promise<Logs> {
    await using resources = new AsyncDisposableStack();
    const { url } = resources.use(await database.create());
    const backend = resources.adopt(await connect(url), (opened) => opened.close());
    await migrate(backend, [...kernelMigrations, ...migrations]);
    const logs = new Logs(backend, resources.move());
    await logs.clear();
    return logs;
  }

  /** Empties the logs and what was made from them. */
  async clear(): Promise<void> {
    this.#frontiers.clear();
    this.#seqs.clear();
    const tables = ["audit_batch", "shard", "trail_follower", "key_usage", "key_usage_day"];
    await this.#execute(...tables.map((table) => ({ sql: `DELETE FROM ${table}`, parameters: [] })));
    for (const shard of SHARDS) {
      const row = [shard, `node-${shard}`, Buffer.alloc(16), 0];
      await this.#insert("shard", ["id", "node", "tag", "closed"], row);
    }
  }

  async append(shard: number, calls: readonly TestCall[]): Promise<void> {
    const seq = (this.#seqs.get(shard) ?? 0) + 1;
    const place = { shard, seq, incarnation: Buffer.alloc(16), epoch: 1, time: calls.at(-1)?.at ?? START };
    const { row, frontier } = sealBatch(
      { ...place, sum: Buffer.alloc(STORED_SUM_BYTES) },
      { frontier: this.#frontiers.get(shard) ?? Frontier.empty(), events: calls.map(callEvent) },
    );
    const { firstIndex: first_index, eventCount: event_count, ...rest } = row;
    const columns = { ...rest, first_index, event_count };
    await this.#insert("audit_batch", Object.keys(columns), Object.values(columns));
    this.#seqs.set(shard, seq);
    this.#frontiers.set(shard, frontier);
  }

  /** Does the schema steps that are left. */
  upgrade(): Promise<void> {
    return migrate(this.backend, [...kernelMigrations, ...trailMigrations]);
  }

  async follow(operations = OPERATIONS): Promise<void> {
    const contributors = [usageContributor(operations)];
    await new LogFollower({ backend: this.backend, contributors, now: () => START }).catchUp();
  }

  read(keyId: string, now = START, operations = OPERATIONS): Promise<KeyUsage> {
    return new KeyUsageReader(operations).read({ log: this.db, now }, { accountId: ACCOUNT_ID, keyId });
  }

  /** As a call reads that is to change something: once before its control transaction, and once in it. */
  readHeld(reader: KeyUsageReader, { keyId, isHeld }: { keyId: string; isHeld: boolean }): Promise<KeyUsage> {
    const context = { log: this.db, now: START, holdBatches: () => Promise.resolve(isHeld) };
    return reader.readHeld(context, { accountId: ACCOUNT_ID, keyId });
  }

  /** As retention does. */
  async dropBodies(): Promise<void> {
    const { rows } = await this.backend.reader.execute("SELECT * FROM audit_batch", []);
    const places = this.backend.kind === "sqlite" ? ["?", "?", "?"] : ["$1", "$2", "$3"];
    const sql = `UPDATE audit_batch SET events = ${places[0]} WHERE shard = ${places[1]} AND seq = ${places[2]}`;
    await this.#execute(
      ...rows.map(readBatchRow).map(({ events, shard, seq }) => ({
        sql,
        parameters: [droppedEvents(events), shard, seq],
      })),
    );
  }

  async rows(table: string): Promise<number> {
    const { rows } = await this.backend.reader.execute(`SELECT count(*) AS n FROM ${table}`, []);
    return Number(rows[0]?.["n"]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #insert(table: string, columns: string[], values: readonly (string | number | Uint8Array)[]): Promise<void> {
    const places = columns.map((_, i) => (this.backend.kind === "sqlite" ? "?" : `$${i + 1}`));
    const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places.join(", ")})`;
    await this.#execute({ sql, parameters: values });
  }

  async #execute(
    ...statements: { readonly sql: string; readonly parameters: readonly (string | number | Uint8Array)[] }[]
  ): Promise<void> {
    await this.backend.transaction("write", async (connection) => {
      for (const { sql, parameters } of statements) await connection.execute(sql, parameters);
    });
  }
}

function connect(url: string): Promise<Backend> {
  return url.startsWith("sqlite:") ? SqliteBackend.open(url.slice("sqlite:".length)) : openPostgresql(url);
}

/** A call as the reference below reads it, told apart from the code under test. */
interface Step {
  readonly shard: number;
  readonly second: number;
  readonly operation: string;
  readonly key: string;
  readonly source: string;
  readonly isRefused: boolean;
  readonly names: readonly string[];
  readonly caller: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  shard: fc.constantFrom(...SHARDS),
  second: fc.integer({ min: 0, max: 3 * 24 * 60 * 60 }),
  operation: fc.constantFrom("Encrypt", "Decrypt", "ReEncrypt", "DescribeKey"),
  key: fc.constantFrom(...KEYS),
  source: fc.constantFrom(...KEYS),
  isRefused: fc.boolean(),
  names: fc.uniqueArray(fc.constantFrom("tenant", "purpose", "a b", ""), { maxLength: 3 }),
  caller: fc.constantFrom("LTAI5tOne", "LTAI5tTwo"),
});

function toCall({ second, operation, key, source, isRefused, names, caller }: Step): TestCall {
  const isReEncrypt = operation === "ReEncrypt";
  const context = JSON.stringify(Object.fromEntries(names.map((name) => [name, "value"])));
  return {
    operation,
    at: START + second * 1000,
    errorCode: isRefused ? "Rejected.Disabled" : undefined,
    noted: { keyId: key, ...(isReEncrypt && { sourceKeyId: source, sourceKeyVersionId: `${source}-v1` }) },
    parameters: isReEncrypt
      ? { SourceEncryptionContext: context, DestinationEncryptionContext: context }
      : { EncryptionContext: context },
    keyVersionId: `${key}-v1`,
    accessKeyId: caller,
  };
}

/** How often each thing happened, by brute force over all calls: `facet name outcome` to a number. */
function reference(steps: readonly Step[], keyId: string): Record<string, number> {
  const counts: Record<string, number> = {};
  const count = (thing: string) => (counts[thing] = (counts[thing] ?? 0) + 1);
  for (const { operation, key, source, isRefused, names, caller, second } of steps) {
    const uses = [
      ...(operation === "ReEncrypt" && source === keyId ? ["ReEncryptFrom"] : []),
      ...(operation !== "DescribeKey" && key === keyId ? [operation === "ReEncrypt" ? "ReEncryptTo" : operation] : []),
    ];
    const outcome = isRefused ? "refusals" : "uses";
    for (const use of uses) {
      count(`operation ${use} ${outcome}`);
      if (!isRefused || use === "ReEncryptFrom") count(`version ${keyId}-v1 ${outcome}`);
      count(`principal ${caller} ${outcome}`);
      count(`day ${Math.floor((START + second * 1000) / DAY_MILLIS)} ${outcome}`);
      if (!isRefused) for (const name of names) count(`context ${name} ${outcome}`);
    }
  }
  return counts;
}

function flatten(usage: KeyUsage): Record<string, number> {
  const counts: Record<string, number> = {};
  const put = (thing: string, tally: KeyUsage["otherPrincipals"]) => {
    for (const outcome of ["uses", "refusals"] as const) {
      const counted = tally[outcome];
      if (counted !== undefined) counts[`${thing} ${outcome}`] = counted.count;
    }
  };
  for (const [name, tally] of usage.operations) put(`operation ${name}`, tally);
  for (const [name, tally] of usage.versions) put(`version ${name}`, tally);
  for (const [name, tally] of usage.contextNames) put(`context ${name}`, tally);
  for (const { accessKeyId, ...tally } of usage.principals) put(`principal ${accessKeyId}`, tally);
  for (const [day, counted] of usage.days) {
    for (const outcome of ["uses", "refusals"] as const) {
      if (counted[outcome] > 0) counts[`day ${day} ${outcome}`] = counted[outcome];
    }
  }
  return counts;
}

const encrypt = (call: Partial<TestCall> = {}): TestCall => ({
  operation: "Encrypt",
  at: START,
  noted: { keyId: "key-a" },
  ...call,
});

forEachDatabase((database) => {
  test("wherever the follower has come to, usage is that of the whole log", async () => {
    await using logs = await Logs.open(database);
    const batch = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 6 }), follow: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (batches) => {
        await logs.clear();
        const all: Step[] = [];
        const hashes = new Map<string, string>();
        const reader = new KeyUsageReader(OPERATIONS);
        for (const { steps, follow } of batches) {
          for (const keyId of KEYS) await logs.readHeld(reader, { keyId, isHeld: false });
          for (const shard of SHARDS) {
            const own = steps.filter((step) => step.shard === shard);
            if (own.length > 0) await logs.append(shard, own.map(toCall));
          }
          all.push(...steps);
          if (!follow) continue;
          const held = async (keyId: string) => (await logs.readHeld(reader, { keyId, isHeld: true })).report.hash;
          for (const key of KEYS) {
            hashes.set(key, (await logs.read(key)).report.hash);
            assert.equal(await held(key), hashes.get(key));
          }
          await logs.follow();
          for (const key of KEYS) {
            assert.equal((await logs.read(key)).report.hash, hashes.get(key));
            assert.equal(await held(key), hashes.get(key), "what was sealed meanwhile counts once");
          }
        }
        const later = START + 3 * DAY_MILLIS;
        for (const key of KEYS) assert.deepEqual(flatten(await logs.read(key, later)), reference(all, key));
      }),
      { numRuns: 25 },
    );
  });

  test("first and last times are those of the whole log, in whatever order its parts are followed", async () => {
    await using logs = await Logs.open(database);
    await logs.append(2, [encrypt({ at: START + 50_000 })]);
    await logs.follow();
    await logs.append(1, [encrypt({ at: START + 10_000 })]);
    await logs.follow();
    await logs.append(1, [encrypt({ at: START + 30_000 })]);
    const { operations } = await logs.read("key-a");
    assert.deepEqual(operations.get("Encrypt"), {
      uses: { count: 3, firstAt: START + 10_000, lastAt: START + 50_000 },
    });
  });

  test("names of contexts beyond a thousand are counted together, and those counted before stay exact", async () => {
    await using logs = await Logs.open(database);
    const named = (name: string, seconds: number) =>
      encrypt({ at: START + seconds * 1000, parameters: { EncryptionContext: JSON.stringify({ [name]: "" }) } });
    await logs.append(1, [named("tenant", 0)]);
    await logs.follow();
    const flood = Array.from({ length: MAX_NAMES + 200 }, (_, i) => named(`made-up-${i}`, i + 1));
    await logs.append(1, [...flood, named("tenant", 5000)]);
    const unfollowed = await logs.read("key-a");
    await logs.follow();
    await logs.append(1, [named("tenant", 6000), named("made-up-0", 6000), named("late", 6000)]);
    await logs.follow();
    assert.equal(await logs.rows("key_usage"), MAX_NAMES + 3, "beside them Encrypt, its caller and the others");
    const followed = await logs.read("key-a");
    for (const [usage, tenant, others] of [
      [unfollowed, 2, 201],
      [followed, 3, 202],
    ] as const) {
      assert.equal(usage.contextNames.size, MAX_NAMES);
      assert.equal(usage.contextNames.get("tenant")?.uses?.count, tenant);
      assert.equal(usage.otherContextNames.uses?.count, others);
      assert.match(usage.report.text, /"contextNames":"too many"/);
    }
    assert.equal(followed.contextNames.get("made-up-0")?.uses?.count, 2);
    assert.equal(followed.operations.get("Encrypt")?.uses?.count, MAX_NAMES + 205);
  });

  test("what services used a key for is kept, the first thousand resources by themselves", async () => {
    await using logs = await Logs.open(database);
    const used = (resource: number) =>
      encrypt({
        at: START + resource * 1000,
        noted: { keyId: "key-a", sourceService: "oss.aliyuncs.com", sourceArn: `acs:oss:r:1:${resource}` },
      });
    await logs.append(
      1,
      Array.from({ length: MAX_NAMES + 1 }, (_, i) => used(i)),
    );
    const unfollowed = await logs.read("key-a");
    await logs.follow();
    await logs.append(1, [used(0), used(MAX_NAMES + 1)]);
    await logs.follow();
    const followed = await logs.read("key-a");
    for (const [usage, others] of [
      [unfollowed, 1],
      [followed, 2],
    ] as const) {
      assert.equal(usage.resources.length, MAX_NAMES);
      assert.equal(usage.otherResources.uses?.count, others);
      assert.equal(usage.services.get("oss.aliyuncs.com")?.uses?.count, MAX_NAMES + 2 * others - 1);
    }
    const [first] = followed.resources.filter(({ arn }) => arn === "acs:oss:r:1:0");
    assert.deepEqual([first?.service, first?.uses?.count], ["oss.aliyuncs.com", 2]);
  });

  test("a name is counted whatever characters it has", async () => {
    await using logs = await Logs.open(database);
    const names = ["", " ", 'a"b', "a\\b", "é😀", "\n", "\u0001", "\0", "a\0b", "{}", "null"];
    const context = Object.fromEntries(names.map((name) => [name, ""]));
    await logs.append(1, [encrypt({ parameters: { EncryptionContext: JSON.stringify(context) } })]);
    const unfollowed = await logs.read("key-a");
    assert.equal(unfollowed.contextNames.size, names.length);
    await logs.follow();
    assert.deepEqual(await logs.read("key-a"), unfollowed);
  });

  test("days are forgotten after a while, and what they were added up to is not", async () => {
    await using logs = await Logs.open(database);
    const days = [0, 1, KEPT_DAYS, KEPT_DAYS + 5];
    for (const day of days) {
      await logs.append(1, [encrypt({ at: START + day * DAY_MILLIS })]);
      await logs.follow();
    }
    const firstDay = START / DAY_MILLIS;
    const { days: kept, operations } = await logs.read("key-a", START + (KEPT_DAYS + 5) * DAY_MILLIS);
    assert.deepEqual(
      [...kept].toSorted(([one], [other]) => one - other),
      [KEPT_DAYS, KEPT_DAYS + 5].map((day) => [firstDay + day, { uses: 1, refusals: 0 }]),
    );
    assert.equal(await logs.rows("key_usage_day"), 2);
    assert.equal(operations.get("Encrypt")?.uses?.count, days.length);
  });

  test("usage stays when the bodies of followed events are dropped", async () => {
    await using logs = await Logs.open(database);
    await logs.append(1, [encrypt(), encrypt({ errorCode: "Rejected.Disabled" })]);
    await logs.follow();
    const before = await logs.read("key-a");
    await logs.dropBodies();
    await logs.append(1, [{ operation: "DescribeKey", at: START, noted: { keyId: "key-a" } }]);
    assert.deepEqual(await logs.read("key-a"), before);
    assert.equal(before.operations.get("Encrypt")?.uses?.count, 1);
  });

  test("two that add to the same keys in opposite orders wait for each other, and neither begins again", async () => {
    await using logs = await Logs.open(database);
    const { backend } = logs;
    const principal = {
      type: "root-account",
      accountId: ACCOUNT_ID,
      principalId: ACCOUNT_ID,
      accessKeyId: "LTAI5tOne",
    };
    const counts = Array.from({ length: 1_500 }, (_, i): [string, ReturnType<typeof emptyCounts>] => {
      const use = { keyId: `key-${i}`, operation: "Encrypt", at: START, isRefused: false, principal };
      const counted = emptyCounts();
      addUse(counted, { ...use, keyVersionId: undefined, contextNames: [], usedFor: undefined });
      return [use.keyId, counted];
    });
    const segments = [new Map(counts), new Map(counts.toReversed())];
    let begun = 0;
    const rounds = 4;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        segments.map((segment) =>
          backend.transaction("write", async (connection) => {
            begun++;
            await addUsage(kyselyOn<unknown>(backend.kind, connection), { kind: backend.kind, segment });
          }),
        ),
      );
    }
    assert.equal(begun, 2 * rounds, "one that ends in a deadlock is done again");
    const { operations } = await logs.read("key-7");
    assert.equal(operations.get("Encrypt")?.uses?.count, 2 * rounds);
  });

  test("as long as very much of the log has not been followed, usage is not told", async () => {
    await using logs = await Logs.open(database);
    await logs.append(1, [encrypt()]);
    await logs.backend.transaction("write", async (connection) => {
      await connection.execute("UPDATE audit_batch SET event_count = 1000000", []);
    });
    await assert.rejects(logs.read("key-a"), { code: "ServiceUnavailableTemporary" });
  });

  test("while batches are held, what was read before is not read again", async () => {
    await using logs = await Logs.open(database);
    const reader = new KeyUsageReader(OPERATIONS);
    await logs.append(1, [encrypt(), encrypt()]);
    await logs.readHeld(reader, { keyId: "key-a", isHeld: false });
    await logs.dropBodies();
    await logs.append(1, [encrypt()]);
    await logs.append(2, [encrypt()]);
    const { operations } = await logs.readHeld(reader, { keyId: "key-a", isHeld: true });
    assert.equal(operations.get("Encrypt")?.uses?.count, 4);
  });

  test("while batches are held, no more is read than others can wait for", async () => {
    await using logs = await Logs.open(database);
    const reader = new KeyUsageReader(OPERATIONS);
    const many = Array.from({ length: 5_000 }, () => encrypt({ noted: { keyId: "key-b" } }));
    for (let i = 0; i < 2; i++) await logs.append(1, many);
    await assert.rejects(logs.readHeld(reader, { keyId: "key-a", isHeld: true }), {
      code: "ServiceUnavailableTemporary",
    });
    await logs.readHeld(reader, { keyId: "key-a", isHeld: false });
    await logs.append(1, [encrypt()]);
    const { operations } = await logs.readHeld(reader, { keyId: "key-a", isHeld: true });
    assert.equal(operations.get("Encrypt")?.uses?.count, 1);
    await logs.follow();
    await logs.readHeld(new KeyUsageReader(OPERATIONS), { keyId: "key-a", isHeld: true });
  });

  test("a row of a kind that this version does not know is not passed over", async () => {
    await using logs = await Logs.open(database);
    await logs.append(1, [encrypt()]);
    await logs.follow();
    await logs.backend.transaction("write", async (connection) => {
      await connection.execute("UPDATE key_usage SET facet = 'weather' WHERE facet = 'operation'", []);
    });
    await assert.rejects(logs.read("key-a"), RangeError);
  });

  test("what an earlier version left out is counted once, from what the log still has", async () => {
    const all = new Set([...OPERATIONS, "Sign", "AdvanceEncrypt"]);
    const before = trailMigrations.filter(({ name }) => name < "trail-0003");
    const use = (operation: string, seconds: number) => encrypt({ operation, at: START + seconds * 1000 });
    await using logs = await Logs.open(database, before);
    // Dropped before anybody counts it: the API's calls were counted, the others are lost.
    await logs.append(1, [use("Encrypt", 0), use("Sign", 1)]);
    await logs.follow();
    await logs.dropBodies();
    for (let i = 0; i < 3; i++) {
      for (const shard of SHARDS) await logs.append(shard, [use("Encrypt", 10 + i), use("Sign", 20 + i)]);
    }
    await logs.follow();
    await logs.append(1, [use("Sign", 30)]);
    await logs.upgrade();
    await logs.append(2, [use("AdvanceEncrypt", 40), use("Encrypt", 41)]);

    const reader = new KeyUsageReader(all);
    const hashes = new Set<string>();
    const check = async () => {
      const usage = await logs.read("key-a", START, all);
      const counts = [...usage.operations].map(([name, { uses }]) => `${name} ${uses?.count}`).toSorted();
      assert.deepEqual(counts, ["AdvanceEncrypt 1", "Encrypt 8", "Sign 7"]);
      for (const isHeld of [false, true]) {
        hashes.add((await logs.readHeld(reader, { keyId: "key-a", isHeld })).report.hash);
      }
      hashes.add(usage.report.hash);
    };
    assert.equal(await recountedBodies.followedUpTo(logs.db, 1), 0, "retention waits");
    await check();
    await logs.follow(all);
    await check();
    const never = new AbortController().signal;
    await Promise.all([1, 2].map(() => new UsageRecount(logs.backend).run(never)));
    while (await new UsageRecount(logs.backend).run(never));
    assert.equal(await logs.rows("key_usage_recount"), 0);
    assert.equal(await recountedBodies.followedUpTo(logs.db, 1), Number.POSITIVE_INFINITY);
    await check();
    assert.equal(hashes.size, 1, "whoever reviews is told the same meanwhile and afterwards");
  });
});
