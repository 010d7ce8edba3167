import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { claimJob, createLogger, kernelMigrations, migrate, releaseJob } from "@cinnabar/kernel";
import { forEachDatabase, type TestDatabase } from "@cinnabar/testkit";
import { openDatabase } from "../src/database.ts";
import { andThen, type Job, JobRunner } from "../src/jobs/index.ts";

test("of two that are one job, each has its turn as long as either has something to do", async () => {
  const turns: string[] = [];
  const left = { follow: 2, recount: 3 };
  const piece = (name: keyof typeof left) => ({
    name,
    everyMillis: 500,
    async run() {
      turns.push(name);
      return --left[name] > 0;
    },
  });
  const job = andThen(piece("follow"), piece("recount"));
  assert.deepEqual([job.name, job.everyMillis], ["follow", 500]);
  const { signal } = new AbortController();
  const more = [await job.run(signal), await job.run(signal), await job.run(signal)];
  assert.deepEqual(more, [true, true, false]);
  assert.deepEqual(
    turns,
    more.flatMap(() => ["follow", "recount"]),
  );
});

const newNode = (): string => randomBytes(16).toString("hex");

class Rig implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #resources = new AsyncDisposableStack();
  readonly backend;

  private constructor(backend: Awaited<ReturnType<typeof openDatabase>>, resources: AsyncDisposableStack) {
    this.backend = backend;
    this.#resources = resources;
  }

  static async create(database: TestDatabase): Promise<Rig> {
    const resources = new AsyncDisposableStack();
    const { url } = resources.use(await database.create());
    const backend = resources.adopt(await openDatabase(url), (opened) => opened.close());
    await migrate(backend, kernelMigrations);
    return new Rig(backend, resources);
  }

  runner(jobs: readonly Job[]): JobRunner {
    const log = createLogger({
      level: "info",
      destination: { write: (line) => void this.lines.push(line) },
      now: Date.now,
    });
    return new JobRunner({ jobs, backend: this.backend, node: newNode(), log });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

forEachDatabase((database) => {
  test("a claim keeps other nodes away until it ends, is taken longer, or is let go", async () => {
    await using rig = await Rig.create(database);
    const { backend } = rig;
    const [node, other] = [newNode(), newNode()];
    assert.equal(await claimJob(backend, { job: "tidy", node, millis: 60_000 }), true);
    assert.equal(await claimJob(backend, { job: "tidy", node: other, millis: 60_000 }), false);
    assert.equal(await claimJob(backend, { job: "sweep", node: other, millis: 60_000 }), true, "another job");
    await releaseJob(backend, { job: "tidy", node: other });
    assert.equal(await claimJob(backend, { job: "tidy", node: other, millis: 60_000 }), false, "not its to let go");
    assert.equal(await claimJob(backend, { job: "tidy", node, millis: 0 }), true, "shorter now");
    assert.equal(await claimJob(backend, { job: "tidy", node: other, millis: 60_000 }), true, "its time was over");
    await releaseJob(backend, { job: "tidy", node: other });
    assert.equal(await claimJob(backend, { job: "tidy", node, millis: 60_000 }), true);
  });

  test("a claim that was taken while the clock was set forward keeps nobody away", async () => {
    await using rig = await Rig.create(database);
    const { backend } = rig;
    const [node, other] = [newNode(), newNode()];
    const yearMillis = 365 * 86_400_000;
    assert.equal(await claimJob(backend, { job: "tidy", node, millis: yearMillis }), true);
    assert.equal(await claimJob(backend, { job: "tidy", node: other, millis: 60_000 }), true);
    assert.equal(await claimJob(backend, { job: "tidy", node, millis: 60_000 }), false, "it is the other's now");
  });

  test("a job runs until nothing is due, on one node at a time", async () => {
    await using rig = await Rig.create(database);
    let due = 3;
    const job: Job = { name: "count", everyMillis: 60_000, run: async () => --due > 0 };
    const [first, second] = [rig.runner([job]), rig.runner([job])];
    await first.runDue();
    assert.equal(due, 0);
    due = 2;
    await second.runDue();
    assert.equal(due, 2, "the first node has it");
    await first.stop();
    await second.runDue();
    assert.equal(due, 0);
    await second.stop();
  });

  test("a job that fails is logged once in a while and tried again, and keeps no other from its turn", async () => {
    await using rig = await Rig.create(database);
    const { promise: again, resolve } = Promise.withResolvers<void>();
    const { promise: othersDone, resolve: othersEnd } = Promise.withResolvers<void>();
    let [runs, others] = [0, 0];
    const runner = rig.runner([
      {
        name: "fails-at-first",
        everyMillis: 1,
        runsOn: "every-node",
        async run() {
          if (++runs <= 20) throw new Error("not now");
          resolve();
          return false;
        },
      },
      {
        name: "other",
        everyMillis: 60_000,
        async run() {
          if (++others === 2) othersEnd();
          return others < 2;
        },
      },
    ]);
    runner.start();
    await Promise.all([again, othersDone]);
    await runner.stop();
    assert.equal(others, 2);
    assert.equal(rig.lines.filter((line) => line.includes('"job":"fails-at-first"')).length, 1);
  });

  test("a stop ends a job at its next step, and waits for it", async () => {
    await using rig = await Rig.create(database);
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    let ended = false;
    const runner = rig.runner([
      {
        name: "long",
        everyMillis: 1,
        async run(signal) {
          begin();
          while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
          ended = true;
          return true;
        },
      },
    ]);
    runner.start();
    await begun;
    await runner.stop();
    assert.equal(ended, true);
  });
});
