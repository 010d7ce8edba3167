import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import {
  CONTROL_SHARD,
  createLogger,
  droppedEvents,
  kyselyOn,
  Metrics,
  openEvents,
  openRetentionRecord,
  readBatchRow,
  readDayTotals,
  type Store,
  VOLUME_DAY_MILLIS,
} from "@cinnabar/kernel";
import { NoteVerifier } from "@cinnabar/merkle-log";
import { forEachDatabase } from "@cinnabar/testkit";
import {
  exportAudit,
  ExportedLogs,
  proveEvent,
  readCheckpointBundle,
  verifyAudit,
  verifyEventProof,
  withDatabaseLogs,
} from "../src/audit/index.ts";
import { SteadyClock } from "../src/destruction/steady-clock.ts";
import { AuditRetention, type BodyReader, type RetentionPolicy } from "../src/retention/index.ts";
import { AuditedStore, recordCall, recordControl, storeClock, withClock } from "./support/audited-store.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

const KEEP: RetentionPolicy = { keepMillis: 90 * VOLUME_DAY_MILLIS, maxBytes: undefined };
const HUNDRED_DAYS = 100 * VOLUME_DAY_MILLIS;

/** A node's retention, `ahead` milliseconds in the future. */
class Retention {
  readonly metrics = new Metrics({ now: Date.now });
  readonly lines: string[] = [];
  readonly #job: AuditRetention;
  #hour = 0;

  constructor(store: Store, policy: RetentionPolicy, readers: readonly BodyReader[] = []) {
    const { guard, control, region, reader, signer } = store;
    const backend = withClock(store.backend, () => Date.now() + storeClock.ahead + this.#hour);
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.lines.push(chunk.toString());
        done();
      },
    });
    this.#job = new AuditRetention({
      store: { backend, guard, control, region, reader, signer },
      log: createLogger({ level: "info", destination, now: Date.now }),
      metrics: this.metrics,
      policy,
      readers,
      clock: new SteadyClock(() => performance.now() + this.#hour),
    });
  }

  set ahead(millis: number) {
    storeClock.ahead = millis;
  }

  /** Until nothing is due. */
  async run(): Promise<void> {
    // The first look at the clock only begins to tell whether it runs evenly.
    for (let look = 0; look < 2; look++) {
      while (await this.#job.run(new AbortController().signal));
      this.#hour += 3_600_000;
    }
  }

  [Symbol.dispose](): void {
    this.metrics[Symbol.dispose]();
  }
}

/** Which batches of a log have their events. */
async function bodiesOf(store: Store, shard: number): Promise<boolean[]> {
  const { rows } = await store.backend.reader.execute(
    `SELECT * FROM audit_batch WHERE shard = ${shard} ORDER BY seq`,
    [],
  );
  return rows.map((row) => openEvents(readBatchRow(row)) !== undefined);
}

async function recordsOf(store: Store): Promise<Record<string, unknown>[]> {
  const { rows } = await store.backend.reader.execute("SELECT * FROM audit_batch WHERE shard = 0 ORDER BY seq", []);
  return rows
    .flatMap((row) => openEvents(readBatchRow(row)) ?? [])
    .map((text) => JSON.parse(text) as { eventName: string; additionalEventData: Record<string, unknown> })
    .filter(({ eventName }) => eventName === "DropEventBodies")
    .map(({ additionalEventData }) => additionalEventData);
}

function times(count: number, value: boolean): boolean[] {
  return Array.from({ length: count }, () => value);
}

const verify = (deployment: AuditedStore, savedCheckpoints: Awaited<ReturnType<typeof readCheckpointBundle>> = []) =>
  withDatabaseLogs(deployment.url, (source) =>
    verifyAudit({ source, verifierKey: deployment.verifierKey, savedCheckpoints }),
  );

forEachDatabase((database) => {
  test("drops the bodies of what is too old, on record; the log, its exports and all proofs still verify", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const { url, verifierKey } = deployment;
    const store = await deployment.open();
    const events: string[] = [];
    for (let number = 0; number < 30; number++) events.push(await recordCall(store));
    const control = await recordControl(store);
    await recordControl(store);
    const event = events[7] ?? assert.fail();
    const { eventId } = JSON.parse(event) as { eventId: string };
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const [saved, proof] = await withDatabaseLogs(url, async (source) => [
      await readCheckpointBundle({ source, verifierKey }),
      await proveEvent({ source, verifierKey, wanted: { eventId } }),
    ]);

    using retention = new Retention(store, KEEP);
    await retention.run();
    assert.deepEqual(await bodiesOf(store, 1), times(30, true), "nothing is old yet");
    assert.deepEqual(await recordsOf(store), []);
    retention.ahead = HUNDRED_DAYS;
    await retention.run();
    assert.deepEqual(await bodiesOf(store, 1), [...times(29, false), true], "the last one always stays");
    assert.equal(retention.metrics.eventsDropped.value, 29 + 2);
    const records = await recordsOf(store);
    const verifier = NoteVerifier.parse(verifierKey);
    const recorded = records
      .flatMap(({ record }) => openRetentionRecord(String(record), verifier).logs)
      .filter(({ shard }) => shard === 1)
      .flatMap(({ ranges }) => ranges);
    assert.deepEqual([recorded[0]?.[0], recorded.at(-1)?.[1]], [1, 29]);
    for (const [index, [first]] of recorded.slice(1).entries()) assert.equal(first, (recorded[index]?.[1] ?? 0) + 1);
    const epochBefore = store.cache.epoch.value;
    await retention.run();
    assert.equal(store.cache.epoch.value, epochBefore, "nothing left to do is no record");
    await store.close();

    const report = await verify(deployment, saved);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(
      report.logs.map(({ findings, events, droppedEvents, notes }) => [
        findings,
        events,
        droppedEvents,
        notes.map(({ kind }) => kind),
      ]),
      [
        [[], 3 + 2 + records.length, 2, ["dropped"]],
        [[], 30, 29, ["dropped"]],
      ],
    );
    assert.equal(report.ok, true);
    assert.equal(verifyEventProof(proof, verifierKey).event, event);
    await withDatabaseLogs(url, (source) =>
      withTemporaryDirectory(async (directory) => {
        const [exported] = await exportAudit({ source, directory: join(directory, "logs") });
        assert.deepEqual([exported?.droppedEvents, exported?.minimumIndex], [29, 256]);
        const files = new ExportedLogs(join(directory, "logs"));
        assert.deepEqual(await verifyAudit({ source: files, verifierKey, savedCheckpoints: saved }), report);
        for (const logs of [source, files]) {
          await assert.rejects(
            proveEvent({ source: logs, verifierKey, wanted: { eventId } }),
            /^OperatorError: No event .* dropped the bodies of 31 events: one that was kept elsewhere is proven with --event FILE/,
          );
          for (const kept of [event, control, JSON.stringify(JSON.parse(event), undefined, 2)]) {
            const late = await proveEvent({ source: logs, verifierKey, wanted: { event: kept } });
            assert.deepEqual(JSON.parse(verifyEventProof(late, verifierKey).event), JSON.parse(kept));
          }
          for (const other of [event.replace("Encrypt", "Decrypt"), "{}", "x"]) {
            await assert.rejects(proveEvent({ source: logs, verifierKey, wanted: { event: other } }), /^OperatorError/);
          }
        }
      }),
    );
  });

  test("keeps what a verifier judges by, and what may be in doubt", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const node = randomBytes(16).toString("hex");
    const killed = await deployment.open({ node, isKilled: true });
    for (let number = 0; number < 3; number++) await recordCall(killed);
    const store = await deployment.open({ node });
    for (let number = 0; number < 3; number++) await recordCall(store);
    using retention = new Retention(store, KEEP);
    retention.ahead = HUNDRED_DAYS;
    await retention.run();
    // Calls; the last of the killed process, its crash mark; calls; the log's last.
    assert.deepEqual(await bodiesOf(store, 1), [false, false, true, true, false, false, true]);
    assert.ok((await bodiesOf(store, CONTROL_SHARD)).every(Boolean));
    const { ok, logs } = await verify(deployment);
    assert.equal(ok, true);
    assert.deepEqual(logs[1]?.notes.map(({ kind, batch }) => [kind, batch]).slice(0, 2), [
      ["in-doubt", 3],
      ["in-doubt", 7],
    ]);
    await store.close();
    await killed.backend.close();
    await killed.close().catch(() => undefined);
  });

  test("does not call it retention when somebody empties bodies, or puts them back", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const store = await deployment.open();
    for (let number = 0; number < 30; number++) await recordCall(store);
    const { rows } = await store.backend.reader.execute("SELECT * FROM audit_batch WHERE shard = 1 ORDER BY seq", []);
    const bodies = rows.map(readBatchRow);
    using retention = new Retention(store, { keepMillis: undefined, maxBytes: 1 });
    await retention.run();
    assert.equal(retention.metrics.eventsDropped.value, 29);
    const later = [];
    for (let number = 0; number < 3; number++) later.push(await recordCall(store));
    await store.close();
    const second = await deployment.open();
    const { rows: all } = await second.backend.reader.execute("SELECT * FROM audit_batch ORDER BY shard, seq", []);
    for (const row of all.map(readBatchRow).filter((row) => openEvents(row) !== undefined)) {
      const place = `shard = ${row.shard} AND seq = ${row.seq}`;
      const put = (events: Uint8Array) =>
        second.backend.transaction("write", async (connection) => {
          const value = `${database.name === "sqlite" ? "x'" : "'\\x"}${Buffer.from(events).toString("hex")}'`;
          await connection.execute(`UPDATE audit_batch SET events = ${value} WHERE ${place}`, []);
        });
      await put(droppedEvents(row.events));
      const { ok, logs } = await verify(deployment);
      assert.equal(ok, false, place);
      assert.ok(
        logs.flatMap(({ findings }) => findings).some(({ kind }) => kind === "unrecorded-drop"),
        place,
      );
      await put(row.events);
    }
    assert.equal((await verify(deployment)).ok, true);
    const [first = assert.fail()] = bodies;
    await second.backend.transaction("write", async (connection) => {
      const value = `${database.name === "sqlite" ? "x'" : "'\\x"}${Buffer.from(first.events).toString("hex")}'`;
      await connection.execute(`UPDATE audit_batch SET events = ${value} WHERE shard = 1 AND seq = 1`, []);
    });
    const { ok, logs } = await verify(deployment);
    assert.equal(ok, true, "what is put back is what was there");
    assert.ok(logs[1]?.notes.some(({ kind }) => kind === "restored"));
    await second.close();
  });

  test("drops no more than makes the log small enough, and the oldest first", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const store = await deployment.open();
    for (let number = 0; number < 100; number++) await recordCall(store);
    using counting = new Retention(store, { keepMillis: undefined, maxBytes: undefined });
    await counting.run();
    const size = async () => {
      const days = await readDayTotals(kyselyOn(store.backend.kind, store.backend.reader));
      return days.reduce((bytes, day) => bytes + day.bodyBytes + day.treeBytes - day.droppedBytes, 0);
    };
    const before = await size();
    const { rows } = await store.backend.reader.execute("SELECT * FROM audit_batch", []);
    const counted = rows.map(readBatchRow);
    const [total] = await readDayTotals(kyselyOn(store.backend.kind, store.backend.reader));
    assert.equal(total?.events, counted.length);
    assert.equal(
      total?.bodyBytes,
      counted.reduce((bytes, { events }) => bytes + events.length, 0),
    );
    const maxBytes = before - 20_000;
    using retention = new Retention(store, { keepMillis: undefined, maxBytes });
    await retention.run();
    assert.ok((await size()) <= maxBytes);
    assert.ok((await size()) > maxBytes * 0.9);
    const bodies = await bodiesOf(store, 1);
    const dropped = bodies.indexOf(true);
    assert.deepEqual(bodies, [...times(dropped, false), ...times(100 - dropped, true)]);
    assert.equal((await recordsOf(store))[0]?.["rule"], "size");
    assert.equal((await verify(deployment)).ok, true);
    using impossible = new Retention(store, { keepMillis: undefined, maxBytes: 1000 });
    await impossible.run();
    assert.ok(impossible.lines.some((line) => line.includes("leaves stay for ever")));
    await store.close();
  });

  test("drops nothing that a reader of bodies still needs, and tells it what is gone", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const store = await deployment.open();
    for (let number = 0; number < 10; number++) await recordCall(store);
    const followed = new Map([[1, 4]]);
    const forgotten = new Map<number, number>();
    const reader: BodyReader = {
      followedUpTo: (_db, shard) => Promise.resolve(followed.get(shard) ?? 0),
      forgetBefore(_db, shard, seq) {
        forgotten.set(shard, seq);
        return Promise.resolve();
      },
    };
    using retention = new Retention(store, KEEP, [reader]);
    retention.ahead = HUNDRED_DAYS;
    await retention.run();
    assert.equal((await bodiesOf(store, 1)).indexOf(true), 4);
    assert.deepEqual([...forgotten], [[1, 5]]);
    followed.set(1, 10);
    await retention.run();
    assert.equal((await bodiesOf(store, 1)).indexOf(true), 9);
    forgotten.clear();
    using restarted = new Retention(store, KEEP, [reader]);
    await restarted.run();
    assert.deepEqual([...forgotten], [[1, 10]], "a process that was killed may not have told it");
    await store.close();
  });

  test("keeps a batch that was tampered with as evidence, and raises an alarm", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const store = await deployment.open();
    for (let number = 0; number < 5; number++) await recordCall(store);
    await store.backend.transaction("write", async (connection) => {
      await connection.execute(
        "UPDATE audit_batch SET events = (SELECT events FROM audit_batch WHERE shard = 1 AND seq = 3) WHERE shard = 1 AND seq = 2",
        [],
      );
    });
    using retention = new Retention(store, KEEP);
    retention.ahead = HUNDRED_DAYS;
    await retention.run();
    assert.deepEqual(await bodiesOf(store, 1), [false, true, false, false, true]);
    assert.equal(retention.metrics.tamperedRows.value, 1);
    assert.equal(retention.lines.filter((line) => line.includes('"alarm":"tampered-row"')).length, 1);
    await store.close();
  });

  test("does not drop by a volume that somebody has edited", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const store = await deployment.open();
    for (let number = 0; number < 5; number++) await recordCall(store);
    using retention = new Retention(store, { keepMillis: undefined, maxBytes: 10 ** 9 });
    await retention.run();
    await store.backend.transaction("write", async (connection) => {
      await connection.execute("UPDATE audit_volume SET body_bytes = 2000000000", []);
    });
    await retention.run();
    assert.equal(retention.metrics.eventsDropped.value, 0);
    assert.ok(retention.lines.some((line) => line.includes('"alarm":"tampered-row"')));
    await store.close();
  });

  if (database.name === "sqlite") {
    test("makes room on a disk that is nearly full, in which the log goes on", async () => {
      await using instance = await database.create();
      await using deployment = await AuditedStore.create(instance.url);
      const store = await deployment.open();
      // Calls at once share batches, whose bodies then fill pages of their own.
      const record = (rounds: number) =>
        Promise.all(
          Array.from({ length: 500 }, async () => {
            for (let round = 0; round < rounds; round++) await recordCall(store);
          }),
        );
      const readPages = async () => {
        const { rows } = await store.backend.reader.execute("PRAGMA page_count", []);
        return Number(rows[0]?.["page_count"]);
      };
      await record(20);
      const before = await readPages();
      await record(8);
      const needed = (await readPages()) - before;
      const room = 20;
      assert.ok(needed > 2 * room, `${needed} pages`);
      const limit = (await readPages()) + room;
      await store.backend.transaction("write", async (connection) => {
        await connection.execute(`PRAGMA max_page_count = ${limit}`, []);
      });
      using retention = new Retention(store, { keepMillis: undefined, maxBytes: 1 });
      await retention.run();
      assert.ok(retention.metrics.eventsDropped.value > 10_000);
      await record(8);
      assert.equal(store.committer.isHealthy, true);
      assert.ok((await readPages()) <= limit);
      await store.close();
      assert.equal((await verify(deployment)).ok, true);
    });
  }

  test("several nodes that do it at once drop everything once", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    const stores = [await deployment.open(), await deployment.open()];
    for (let number = 0; number < 200; number++) await recordCall(stores[number % 2] ?? assert.fail());
    const retentions = stores.map((store) => new Retention(store, KEEP));
    for (const retention of retentions) retention.ahead = HUNDRED_DAYS;
    await Promise.all(retentions.map((retention) => retention.run()));
    for (const retention of retentions) await retention.run();
    assert.equal(
      retentions.reduce((events, { metrics }) => events + metrics.eventsDropped.value, 0),
      198,
    );
    const [store = assert.fail()] = stores;
    for (const shard of [1, 2]) assert.equal((await bodiesOf(store, shard)).indexOf(true), 99);
    const recorded = (await recordsOf(store)).reduce((events, record) => events + Number(record["events"]), 0);
    assert.equal(recorded, 198);
    const days = await readDayTotals(kyselyOn(store.backend.kind, store.backend.reader));
    assert.equal(
      days.reduce((events, { droppedEvents }) => events + droppedEvents, 0),
      198,
    );
    assert.equal((await verify(deployment)).ok, true);
    for (const { metrics } of retentions) metrics[Symbol.dispose]();
    for (const store of stores) await store.close();
  });
});
