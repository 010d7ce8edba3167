import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { countVolume, createLogger, type DayTotals, Metrics } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { forecastDisk } from "../src/retention/disk-forecast.ts";
import { type DiskSpace, DiskWatch } from "../src/retention/index.ts";
import { AuditedStore, recordCall } from "./support/audited-store.ts";

const FOR_EVER = { keepMillis: undefined, maxBytes: undefined };
const TODAY = 20_000;

/** Full days before today. */
function days(count: number, { bodyBytes = 900, treeBytes = 100 } = {}): DayTotals[] {
  return Array.from({ length: count }, (_, index) => ({
    day: TODAY - count + index,
    events: 10,
    bodyBytes,
    treeBytes,
    droppedEvents: 0,
    droppedBytes: 0,
  }));
}

test("forecasts when a disk is full", () => {
  const forecast = (known: DayTotals[], freeBytes: number, policy: Parameters<typeof forecastDisk>[0]["policy"]) =>
    forecastDisk({ days: known, today: TODAY, freeBytes, policy });
  assert.equal(forecast([], 1000, FOR_EVER), undefined, "nothing is known yet");
  assert.equal(forecast(days(10), 5_000, FOR_EVER), 4);
  assert.equal(forecast([...days(10).slice(0, 3), ...days(7, { bodyBytes: 1900 })], 20_000, FOR_EVER), 9, "a week");
  assert.equal(forecast(days(10), 0, FOR_EVER), 0);
  assert.equal(forecast(days(1), 1e9, FOR_EVER), undefined, "further than ten years");
  const today = { day: TODAY, events: 10, bodyBytes: 900, treeBytes: 100, droppedEvents: 0, droppedBytes: 0 };
  assert.equal(forecast([...days(10), today], 5_000, FOR_EVER), 5, "today is over already");
  const tenDays = { keepMillis: 10 * 86_400_000, maxBytes: undefined };
  // As much is dropped as is added, but leaves: 100 bytes a day.
  assert.equal(forecast(days(10), 1_000, tenDays), 0);
  assert.equal(forecast(days(10), 2_000, tenDays), 10);
  assert.equal(forecast(days(20), 1_000, tenDays), 90, "what is overdue makes room");
  // Leaves alone fill it in the end.
  assert.equal(forecast(days(10), 3_000, { keepMillis: undefined, maxBytes: 12_000 }), 119);
});

forEachDatabase((database) => {
  test("tells metrics the daily volume and the disk, and raises an alarm while the disk is filling", async () => {
    await using instance = await database.create();
    await using deployment = await AuditedStore.create(instance.url);
    await using opened = new AsyncDisposableStack();
    const store = opened.adopt(await deployment.open(), (store) => store.close());
    for (let number = 0; number < 5; number++) await recordCall(store);
    for (const shard of [0, 1]) await countVolume(store, shard);
    using metrics = new Metrics({ now: Date.now });
    const lines: string[] = [];
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(chunk.toString());
        done();
      },
    });
    let disk: DiskSpace = { bsize: 4096, blocks: 110_000, bfree: 60_000, bavail: 50_000 };
    const asked: string[] = [];
    const watch = new DiskWatch({
      store,
      log: createLogger({ level: "info", destination, now: Date.now }),
      metrics,
      policy: FOR_EVER,
      database: instance.url,
      statfs: (path) => {
        asked.push(path);
        return Promise.resolve(disk);
      },
    });
    const valueOf = async (name: string) => {
      const line = new RegExp(`^${name.replace(/[{}"]/g, "\\$&")} (\\S+)$`, "m").exec(await metrics.expose());
      return line === null ? undefined : Number(line[1]);
    };
    const alarms = () => lines.filter((line) => line.includes('"alarm":"disk-filling"')).length;
    const usedTo = async (share: number) => {
      disk = { ...disk, bavail: 100_000 * (1 - share), bfree: 100_000 * (1 - share) + 10_000 };
      await watch.run();
      return alarms();
    };

    assert.equal(await valueOf("cinnabar_audit_events_today"), undefined, "not known yet");
    await watch.run();
    const { rows } = await store.backend.reader.execute("SELECT sum(event_count) AS n FROM audit_batch", []);
    assert.equal(await valueOf("cinnabar_audit_events_today"), Number(rows[0]?.["n"]));
    assert.equal(await valueOf("cinnabar_audit_events_yesterday"), 0);
    assert.equal(await valueOf("cinnabar_audit_bytes_today"), await valueOf("cinnabar_audit_log_bytes"));
    assert.ok(((await valueOf("cinnabar_database_bytes")) ?? 0) > 10_000);
    if (database.name === "postgresql") {
      assert.equal(await usedTo(0.99), 0, "the disk of its server cannot be seen");
      assert.deepEqual(asked, []);
      assert.equal(await valueOf("cinnabar_disk_size_bytes"), undefined);
      return;
    }
    assert.ok(asked.every((path) => `sqlite:${path}/cinnabar.db` === instance.url));
    assert.equal(await valueOf("cinnabar_disk_size_bytes"), 100_000 * 4096, "without what only the superuser may use");
    assert.ok(((await valueOf("cinnabar_disk_free_bytes")) ?? 0) >= 50_000 * 4096);
    assert.equal(await usedTo(0.79), 0);
    assert.equal(await usedTo(0.81), 1);
    assert.equal(await valueOf('cinnabar_alarm{alarm="disk-filling"}'), 1);
    assert.equal(await usedTo(0.82), 1, "not with every look");
    assert.equal(await usedTo(0.76), 1);
    assert.equal(await valueOf('cinnabar_alarm{alarm="disk-filling"}'), 1);
    assert.equal(await usedTo(0.74), 1);
    assert.equal(await valueOf('cinnabar_alarm{alarm="disk-filling"}'), 0);
    assert.equal(lines.filter((line) => line.includes("room again")).length, 1);
    assert.equal(await usedTo(0.9), 2);
  });
});
