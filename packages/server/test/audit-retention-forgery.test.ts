import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import {
  batchHeader,
  type BatchRow,
  CONTROL_SHARD,
  createLogger,
  droppedEvents,
  encodeSystemEvent,
  headerLeaf,
  Metrics,
  openEvents,
  readBatchRow,
  sealBatch,
  type SqlValue,
  type Store,
  VOLUME_DAY_MILLIS,
} from "@cinnabar/kernel";
import { Frontier, leafHash, NoteSigner } from "@cinnabar/merkle-log";
import { forEachDatabase } from "@cinnabar/testkit";
import { type LogAudit, readCheckpointBundle, verifyAudit, withDatabaseLogs } from "../src/audit/index.ts";
import { SteadyClock } from "../src/destruction/steady-clock.ts";
import { AuditRetention } from "../src/retention/index.ts";
import { AuditFixture, ORIGIN } from "./support/audit-fixture.ts";
import { AuditedStore, recordCall, recordControl, storeClock } from "./support/audited-store.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

const KEEP_MILLIS = 90 * VOLUME_DAY_MILLIS;
const LONG_AGO = Date.now() - 100 * VOLUME_DAY_MILLIS;
/** Until the logs' heads are signed once more, in milliseconds. */
const SIGNING_MILLIS = 1300;
const signing = () => new Promise((resolve) => setTimeout(resolve, SIGNING_MILLIS));

async function readRows({ backend }: Store): Promise<BatchRow[]> {
  const { rows } = await backend.reader.execute("SELECT * FROM audit_batch ORDER BY shard, seq", []);
  return rows.map(readBatchRow);
}

/** As whoever can write the database does. */
async function putRow({ backend }: Store, row: BatchRow): Promise<void> {
  const values: [string, SqlValue][] = [
    ["events", row.events],
    ["time", row.time],
    ["event_count", row.eventCount],
    ["leaves", row.leaves],
    ["frontier", row.frontier],
    ["shard", row.shard],
    ["seq", row.seq],
  ];
  const [set, where] = [values.slice(0, -2), values.slice(-2)];
  let place = 0;
  const equal = ([column]: (typeof values)[number]) =>
    `${column} = ${backend.kind === "sqlite" ? "?" : `$${(place += 1)}`}`;
  await backend.transaction("write", async (connection) => {
    await connection.execute(
      `UPDATE audit_batch SET ${set.map(equal).join(", ")} WHERE ${where.map(equal).join(" AND ")}`,
      values.map(([, value]) => value),
    );
  });
}

/** A batch made old, with other events, and a last leaf that goes with both. */
function forge(row: BatchRow, events: Uint8Array = row.events): BatchRow {
  const forged = { ...row, time: LONG_AGO, events };
  const leaves = Buffer.concat([Buffer.from(row.leaves).subarray(0, -32), leafHash(batchHeader(forged, events))]);
  return { ...forged, leaves };
}

/** The same logs with frontiers that follow from their leaves. */
function withFrontiers(rows: readonly BatchRow[]): BatchRow[] {
  const frontiers = new Map<number, Frontier>();
  return rows.map((row) => {
    const hashes = Array.from({ length: row.leaves.length / 32 }, (_, n) => row.leaves.subarray(n * 32, n * 32 + 32));
    const frontier = (frontiers.get(row.shard) ?? Frontier.empty()).append(hashes);
    frontiers.set(row.shard, frontier);
    return { ...row, frontier: frontier.encode() };
  });
}

/** Lets retention by age do all that is due. @returns what it logged. */
async function retain(store: Store): Promise<string[]> {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  let hour = 0;
  using metrics = new Metrics({ now: Date.now });
  const job = new AuditRetention({
    store,
    log: createLogger({ level: "warn", destination, now: Date.now }),
    metrics,
    policy: { keepMillis: KEEP_MILLIS, maxBytes: undefined },
    readers: [],
    clock: new SteadyClock(() => performance.now() + hour),
  });
  await job.run(new AbortController().signal);
  hour = 3_600_000;
  storeClock.ahead += hour;
  while (await job.run(new AbortController().signal));
  return lines;
}

const kindsOf = (logs: readonly LogAudit[]) =>
  logs.map(({ findings }) => [...new Set(findings.map(({ kind }) => kind))]);

forEachDatabase((database) => {
  for (const [title, reseal] of [
    ["its last leaf made anew", (row: BatchRow) => row],
    ["its frontier made anew", (row: BatchRow) => withFrontiers([row])[0] ?? assert.fail()],
  ] as const) {
    test(`a fresh batch that is made to look old, ${title}, stays and raises an alarm`, async () => {
      await using instance = await database.create();
      await using deployment = await AuditedStore.create(instance.url);
      const store = await deployment.open();
      for (let number = 0; number < 4; number++) await recordCall(store);
      const first = (await readRows(store)).find(({ shard }) => shard === 1) ?? assert.fail();
      await putRow(store, reseal(forge(first)));
      const lines = await retain(store);
      assert.equal(lines.filter((line) => line.includes('"alarm":"tampered-row"')).length, 1);
      assert.ok((await readRows(store)).every((row) => openEvents(row) !== undefined));
      await store.close();
    });
  }

  test("who rewrites whole logs while retention drops, and puts them back, is found", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const { url, verifierKey } = deployment;
    const store = await deployment.open();
    for (let number = 0; number < 8; number++) await recordCall(store);
    await store.control.run(({ now, epoch }) =>
      Promise.resolve({
        result: undefined,
        event: encodeSystemEvent({
          name: "CreateAccessKey",
          region: store.region,
          eventId: randomUUID().toUpperCase(),
          time: now,
          epoch,
          data: { accountId: "1234567890123456", accessKeyId: "of an intruder" },
        }),
      }),
    );
    await recordControl(store);
    await recordControl(store);
    await signing();
    const savedCheckpoints = await withDatabaseLogs(url, (source) => readCheckpointBundle({ source, verifierKey }));
    const rows = await readRows(store);
    const isHidden = ({ shard, seq, events, eventCount }: BatchRow) =>
      (shard === 1 && seq === 5) || openEvents({ events, eventCount })?.[0]?.includes("of an intruder") === true;
    const { row: harmless } = sealBatch(rows[0] ?? assert.fail(), { frontier: Frontier.empty(), events: ['{"x":1}'] });
    for (const row of withFrontiers(
      rows.map((row) => {
        if (isHidden(row)) return forge(row, row.shard === CONTROL_SHARD ? harmless.events : row.events);
        return row.seq <= 6 ? forge(row, droppedEvents(row.events)) : row;
      }),
    )) {
      await putRow(store, row);
    }
    assert.deepEqual(await retain(store), []);
    const dropped = (await readRows(store)).filter(({ events }) => openEvents({ events, eventCount: 1 }) === undefined);
    assert.ok(dropped.filter((row) => rows.some((old) => old.shard === row.shard && old.seq === row.seq)).length > 8);
    for (const row of rows) await putRow(store, isHidden(row) ? { ...row, events: droppedEvents(row.events) } : row);
    const { logs, ok } = await withDatabaseLogs(url, (source) =>
      verifyAudit({ source, verifierKey, savedCheckpoints }),
    );
    assert.equal(ok, false);
    for (const kinds of kindsOf(logs)) assert.ok(kinds.includes("wrongful-drop"), kinds.join());
    await store.close().catch(() => undefined);
  });

  test("who writes a record of retention over the newest entry before it is signed is found", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const { url, verifierKey } = deployment;
    const store = await deployment.open();
    for (let number = 0; number < 5; number++) await recordCall(store);
    await recordControl(store);
    await signing();
    await recordControl(store);
    const rows = await readRows(store);
    const control = rows.filter(({ shard }) => shard === CONTROL_SHARD);
    const [before = assert.fail(), last = assert.fail()] = control.slice(-2);
    const target = rows.find(({ shard, seq }) => shard === 1 && seq === 3) ?? assert.fail();
    const event = encodeSystemEvent({
      name: "DropEventBodies",
      region: store.region,
      eventId: randomUUID().toUpperCase(),
      time: Date.now(),
      epoch: last.seq,
      data: {
        rule: "age",
        keepSeconds: 1,
        events: 1,
        bytes: 1,
        record: "of mine",
        logs: [{ shard: 1, ranges: [[3, 3]] }],
      },
    });
    await putRow(store, sealBatch(last, { frontier: Frontier.decode(before.frontier), events: [event] }).row);
    await putRow(store, { ...target, events: droppedEvents(target.events) });
    await signing();
    await store.close();
    const { logs } = await withDatabaseLogs(url, (source) => verifyAudit({ source, verifierKey }));
    assert.deepEqual(kindsOf(logs), [["invalid-record"], ["unrecorded-drop"]]);
  });
});

/** What verification finds in a small log that `write` goes on with, by one thread and by several. */
function findings(write: (fixture: AuditFixture) => void): Promise<string[]> {
  return withTemporaryDirectory(async (directory) => {
    const path = join(directory, "cinnabar.db");
    using fixture = await AuditFixture.create(path);
    fixture.openShard(1);
    for (let batch = 0; batch < 9; batch++) fixture.calls(1, 2);
    write(fixture);
    fixture.checkpoint();
    const { verifierKey } = fixture;
    const verify = (batchesPerThread: number) =>
      withDatabaseLogs(`sqlite:${path}`, (source) => verifyAudit({ source, verifierKey, batchesPerThread }));
    const report = await verify(1000);
    assert.deepEqual(await verify(4), report);
    return report.logs.flatMap((log) => log.findings.map(({ kind, batch }) => `${log.name} ${batch} ${kind}`));
  });
}

test("a record counts if it is signed, in its place, of what the tree has, and old enough", async () => {
  const ranges: [number, number][] = [[2, 6]];
  const headersOf = (fixture: AuditFixture) => [2, 3, 4, 5, 6].map((seq) => headerLeaf(fixture.row(1, seq)));
  const drop = (fixture: AuditFixture, options: Partial<Parameters<AuditFixture["recordDrop"]>[0]>) => {
    for (let seq = 2; seq <= 6; seq++) fixture.dropBody(fixture.row(1, seq));
    fixture.recordDrop({ shard: 1, ranges, headers: headersOf(fixture), ...options });
  };
  const unrecorded = [2, 3, 4, 5, 6].map((seq) => `shard-1 ${seq} unrecorded-drop`);
  assert.deepEqual(await findings((fixture) => drop(fixture, {})), []);
  const signer = new NoteSigner({ name: ORIGIN, key: generateKeyPairSync("ed25519").privateKey });
  assert.deepEqual(await findings((fixture) => drop(fixture, { signer })), ["control 3 invalid-record", ...unrecorded]);
  // A true record in another epoch's entry.
  assert.deepEqual(await findings((fixture) => drop(fixture, { epochs: 1 })), [
    "control 3 invalid-record",
    ...unrecorded,
  ]);
  assert.deepEqual(await findings((fixture) => drop(fixture, { headers: headersOf(fixture).toReversed() })), [
    "shard-1 6 wrongful-drop",
  ]);
  assert.deepEqual(
    await findings((fixture) => drop(fixture, { keepSeconds: 1 })),
    [2, 3, 4, 5, 6].map((seq) => `shard-1 ${seq} wrongful-drop`),
  );
});

test("what retention never drops is found where it is dropped on record", async () => {
  assert.deepEqual(
    await findings((fixture) => fixture.drop(1, [[7, 9]])),
    ["shard-1 9 wrongful-drop"],
    "the last batch of a log",
  );
  assert.deepEqual(
    await findings((fixture) => {
      fixture.reopenAfterCrash(1);
      fixture.calls(1, 1);
      fixture.drop(1, [[7, 9]]);
    }),
    ["shard-1 9 wrongful-drop"],
    "the last batch of a process",
  );
  assert.deepEqual(
    await findings((fixture) => fixture.recordDrop({ shard: 1, ranges: [[8, 12]], headers: [] })),
    ["shard-1 12 wrongful-drop"],
    "a batch that is not there",
  );
});
