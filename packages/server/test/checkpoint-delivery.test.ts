import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { createLogger, Metrics } from "@cinnabar/kernel";
import { CheckpointDelivery } from "../src/checkpoints/index.ts";

/** A delivery whose target, clock and pauses are the test's. */
class Rig implements AsyncDisposable {
  readonly delivered: string[] = [];
  readonly pauses: number[] = [];
  readonly lines: { level: string; alarm?: string; msg: string }[] = [];
  readonly metrics = new Metrics({ now: Date.now });
  readonly delivery: CheckpointDelivery;
  isBroken = false;
  now = 0;
  /** Called at each attempt, before its outcome. */
  onAttempt: () => void = () => undefined;
  /** Called when the delivery rests, which then goes on. */
  onRest: () => void = () => undefined;

  constructor() {
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.lines.push(JSON.parse(chunk.toString()) as (typeof this.lines)[number]);
        done();
      },
    });
    this.delivery = new CheckpointDelivery({
      target: {
        deliver: async (note) => {
          this.onAttempt();
          await Promise.resolve();
          if (this.isBroken) throw new Error("nobody there");
          this.delivered.push(note);
        },
      },
      name: "elsewhere",
      log: createLogger({ level: "info", destination, now: Date.now }),
      metrics: this.metrics,
      now: () => this.now,
      rest: async (millis) => {
        this.pauses.push(millis);
        this.now += millis;
        this.onRest();
        await Promise.resolve();
      },
    });
  }

  /** The metric, in seconds. */
  async undelivered(): Promise<number> {
    const text = await this.metrics.expose();
    return Number(/^cinnabar_checkpoint_undelivered_seconds (.*)$/m.exec(text)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.delivery[Symbol.asyncDispose]();
    this.metrics[Symbol.dispose]();
  }
}

test("delivers every checkpoint, one at a time, and counts them", async () => {
  const rig = new Rig();
  rig.delivery.add([
    { shard: 0, note: "control 1" },
    { shard: 1, note: "shard 1" },
  ]);
  assert.deepEqual(rig.delivered, [], "whoever adds does not wait");
  await rig[Symbol.asyncDispose]();
  assert.deepEqual(rig.delivered, ["control 1", "shard 1"]);
  assert.equal(rig.metrics.checkpointsDelivered.value, 2);
  assert.equal(await rig.undelivered(), 0);
  assert.deepEqual(rig.lines, []);
});

test("delivers what comes after it had nothing to do, or while it delivers", async () => {
  const rig = new Rig();
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.onAttempt = () => {
    if (rig.delivered.length === 0) rig.delivery.add([{ shard: 1, note: "newer" }]);
    if (rig.delivered.length === 1) resolve();
  };
  rig.delivery.add([{ shard: 1, note: "older" }]);
  await promise;
  await new Promise(setImmediate);
  assert.deepEqual(rig.delivered, ["older", "newer"]);
  rig.delivery.add([{ shard: 1, note: "last" }]);
  await rig[Symbol.asyncDispose]();
  assert.deepEqual(rig.delivered, ["older", "newer", "last"]);
});

test("tries again after longer and longer pauses, keeps the newest of each log, and raises an alarm", async () => {
  const rig = new Rig();
  rig.isBroken = true;
  const ages: Promise<number>[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  // What exposes the numbers is loaded when they are first asked for.
  await rig.undelivered();
  rig.onRest = () => {
    rig.delivery.add([{ shard: 1, note: `shard ${rig.pauses.length}` }]);
    if (rig.pauses.length === 3) ages.push(rig.undelivered());
    if (rig.pauses.length === 20) rig.isBroken = false;
  };
  rig.onAttempt = () => {
    if (!rig.isBroken && rig.delivered.length === 1) resolve();
  };
  rig.delivery.add([
    { shard: 0, note: "control" },
    { shard: 1, note: "shard 0" },
  ]);
  await promise;
  await rig[Symbol.asyncDispose]();
  assert.deepEqual(
    rig.pauses.slice(0, 9),
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000),
  );
  assert.deepEqual(rig.delivered, ["control", "shard 20"]);
  assert.deepEqual(await Promise.all(ages), [7], "since the oldest was signed");
  assert.equal(await rig.undelivered(), 0);
  assert.deepEqual(
    rig.lines.map(({ level, alarm }) => `${level} ${alarm ?? ""}`.trim()),
    // At 63 s, and every ten minutes from then on.
    ["warn", "error checkpoint-undelivered", "error checkpoint-undelivered", "info"],
  );
});

test("tries once more when it ends, and then lets go", async () => {
  const rig = new Rig();
  rig.isBroken = true;
  const { promise, resolve } = Promise.withResolvers<void>();
  let attempts = 0;
  rig.onAttempt = () => void attempts++;
  rig.onRest = () => resolve();
  rig.delivery.add([{ shard: 1, note: "never" }]);
  await promise;
  const before = attempts;
  await rig[Symbol.asyncDispose]();
  assert.ok(attempts <= before + 2, `${attempts - before} attempts`);
  assert.deepEqual(rig.delivered, []);
});

test("brings a log that has long had nothing new once more among the others, before 512 of theirs", async () => {
  await using rig = new Rig();
  const add = async (shard: number, note: string): Promise<void> => {
    rig.delivery.add([{ shard, note }]);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await add(0, "control");
  for (let i = 0; i < 600; i++) await add(1, `data ${i}`);
  const places = rig.delivered.flatMap((note, i) => (note === "control" ? [i] : []));
  assert.equal(places.length, 3);
  assert.ok(places.every((place, i) => i === 0 || place - (places[i - 1] ?? 0) <= 300));
});
