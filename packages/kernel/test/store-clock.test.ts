import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { MAX_CLOCK_BEHIND_MILLIS, StoreClock } from "../src/platform/store-clock.ts";
import { advanceClock } from "../src/store/advance-clock.ts";
import { CONTROL_SHARD } from "../src/store/control.ts";
import { resetClock } from "../src/store/reset-clock.ts";
import { TamperedRowError } from "../src/store/row-guard.ts";
import { readStoreTime } from "../src/store/store.ts";
import { TestDeployment } from "./support/deployment.ts";
import { readEvents } from "./support/read-log.ts";

/** A clock and the hand that moves its monotonic time. */
function clockFrom(highWater: number): { clock: StoreClock; pass: (millis: number) => void } {
  let monotonic = 500;
  return {
    clock: new StoreClock(highWater, () => monotonic),
    pass: (millis) => {
      monotonic += millis;
    },
  };
}

test("carries on what the database said last by its own monotonic clock", () => {
  const { clock, pass } = clockFrom(1_000);
  assert.equal(clock.now(), 1_000);
  clock.observe(5_000);
  pass(250.7);
  assert.equal(clock.now(), 5_250);
  clock.observe(5_260);
  assert.equal(clock.now(), 5_260);
});

test("stands still while the database is a little behind, and never goes back", () => {
  const { clock, pass } = clockFrom(1_000_000);
  clock.check(1_000_000 - MAX_CLOCK_BEHIND_MILLIS);
  assert.equal(clock.behind, false);
  assert.equal(clock.now(), 1_000_000);
  pass(MAX_CLOCK_BEHIND_MILLIS - 1);
  assert.equal(clock.now(), 1_000_000);
  pass(2);
  assert.equal(clock.now(), 1_000_001);
});

test("is behind from a minute and a millisecond on, until the database catches up", () => {
  const { clock } = clockFrom(1_000_000);
  clock.check(1_000_000 - MAX_CLOCK_BEHIND_MILLIS - 1);
  assert.equal(clock.behind, true);
  assert.ok(clock.now() >= 1_000_000, "a clock that is wrong is not followed");
  clock.check(1_000_000 - MAX_CLOCK_BEHIND_MILLIS);
  assert.equal(clock.behind, false);
});

test("never goes back, whatever it is told", () => {
  const steps = fc.oneof(
    fc.record({ observe: fc.nat(200_000) }),
    fc.record({ check: fc.nat(200_000) }),
    fc.record({ pass: fc.nat(5_000) }),
  );
  fc.assert(
    fc.property(fc.nat(100_000), fc.array(steps), (highWater, steps) => {
      const { clock, pass } = clockFrom(highWater);
      let before = clock.now();
      for (const step of steps) {
        if ("observe" in step) clock.observe(step.observe);
        else if ("check" in step) clock.check(step.check);
        else pass(step.pass);
        assert.ok(clock.now() >= before);
        before = clock.now();
      }
      assert.ok(before >= highWater);
    }),
  );
});

forEachDatabase((database) => {
  test("a store whose database's clock was set back by more than a minute says so, until it is reset on record", async () => {
    await using deployment = await TestDeployment.create(database);
    const ahead = await deployment.open({ clockShift: 120_000 });
    const seen = ahead.store.clock.now();
    assert.ok(seen >= Date.now() + 119_000);
    await ahead.close();
    assert.equal(ahead.observer.clockAlarms, 0);

    const behind = await deployment.open();
    assert.equal(behind.store.clock.behind, true);
    assert.equal(behind.observer.clockAlarms, 1);
    assert.ok(behind.store.clock.now() >= seen);
    await behind.close();

    const { before, after } = await resetClock({ backend: deployment.backend, guard: deployment.guard });
    assert.ok(before >= seen);
    assert.ok(Math.abs(after - Date.now()) < 60_000);
    const event = (await readEvents(deployment.backend, CONTROL_SHARD)).at(-1);
    assert.equal(event?.eventName, "ResetClock");
    const fine = await deployment.open();
    assert.equal(fine.store.clock.behind, false);
    assert.equal(fine.observer.clockAlarms, 0);
    assert.ok(fine.store.clock.now() < seen);
  });

  test("a clock that was set back by less is followed by nobody, not by a later process either", async () => {
    await using deployment = await TestDeployment.create(database);
    const ahead = await deployment.open({ clockShift: 40_000 });
    const seen = ahead.store.clock.now();
    await ahead.close();
    const later = await deployment.open();
    assert.equal(later.store.clock.behind, false);
    assert.ok(later.store.clock.now() >= seen);
    await later.addThings({ id: "a" });
    const { rows } = await deployment.backend.reader.execute("SELECT time FROM epoch", []);
    assert.ok(Number(rows[0]?.["time"]) >= seen);
  });

  test("a clock or an offset that was written over without the keys is not believed", async () => {
    await using deployment = await TestDeployment.create(database);
    for (const [column, value] of [
      ["time", 1],
      ["clock_offset", 3_600_000],
      ["clock_epoch", 1],
    ] as const) {
      const [before] = (await deployment.backend.reader.execute(`SELECT ${column} AS value FROM epoch`, [])).rows;
      const set = (value: number): Promise<void> =>
        deployment.backend.transaction("write", async (connection) => {
          await connection.execute(`UPDATE epoch SET ${column} = ${value}`, []);
        });
      await set(value);
      await assert.rejects(deployment.open(), TamperedRowError);
      assert.equal((await deployment.sweep()).problems.length, 1);
      await set(Number(before?.["value"]));
    }
    await deployment.open();
    assert.deepEqual((await deployment.sweep()).problems, []);
  });
});

forEachDatabase((database) => {
  test("an emulator's store is set ahead on record, for every process, and stays ahead", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    const other = await deployment.open();
    const { control } = process.store;
    const start = process.store.clock.now();
    const to = start + 366 * 86_400_000;
    const { before, after } = await advanceClock({ control, region: "cn-hangzhou", to });
    assert.ok(before >= start && before < start + 600_000);
    assert.equal(after, to);
    assert.ok(process.store.clock.now() >= to);

    const event = (await readEvents(deployment.backend, CONTROL_SHARD)).at(-1);
    assert.equal(event?.eventName, "AdvanceClock");
    assert.ok((await readStoreTime(deployment.backend)) >= to);
    // The other one learns of it with its next batch, and is not behind.
    await other.addThings({ id: "a" });
    assert.ok(other.store.clock.now() >= to);
    await process.close();
    const later = await deployment.open();
    assert.equal(later.store.clock.behind, false);
    assert.ok(later.store.clock.now() >= to);
    assert.deepEqual((await deployment.sweep()).problems, []);
  });

  test("a time that has passed leaves the store's time as it is", async () => {
    await using deployment = await TestDeployment.create(database);
    const { store } = await deployment.open();
    const now = store.clock.now();
    const { before, after } = await advanceClock({ control: store.control, region: "cn-hangzhou", to: now - 5_000 });
    assert.ok(after >= now);
    assert.equal(after, before);
  });
});
