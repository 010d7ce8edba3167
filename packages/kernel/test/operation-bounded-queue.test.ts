import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { BoundedQueue, OWN_PLACES, QUEUES } from "../src/operation/bounded-queue.ts";
import { CONTROL_SHARD } from "../src/store/control.ts";
import { TestDeployment } from "./support/deployment.ts";
import { readEvents } from "./support/read-log.ts";
import { searches, sign, TestService } from "./support/test-service.ts";

const ACCOUNTS = ["one", "two", "three"] as const;
/** An account begins something that weighs so much, or something that runs ends. */
const stepArbitrary = fc.oneof(
  fc.record({ account: fc.constantFrom(...ACCOUNTS), weight: fc.constantFrom(1, 1, 2, 5) }),
  fc.record({ ends: fc.nat(3) }),
);

/** Turns in which whoever got a place begins. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("does so much at once and no more, of one account less, and takes none beyond its length", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.nat(8),
      fc.array(stepArbitrary, { maxLength: 60 }),
      async (concurrency, length, steps) => {
        const queue = new BoundedQueue({ concurrency, length });
        const ofOne = { concurrency: Math.max(1, concurrency - 1), length: Math.max(1, Math.floor(length / 2)) };
        const running: { account: string; end: () => void }[] = [];
        const waiting = new Map<string, { number: number; weight: number }[]>(ACCOUNTS.map((account) => [account, []]));
        const works: Promise<void>[] = [];
        const runningOf = (account: string) => running.filter((work) => work.account === account).length;
        const waitingOf = (account: string) => waiting.get(account)?.reduce((sum, { weight }) => sum + weight, 0) ?? 0;
        const allWaiting = () => ACCOUNTS.reduce((sum, account) => sum + waitingOf(account), 0);
        let next = 0;
        const end = async (position: number): Promise<void> => {
          const [work] = running.splice(position % running.length, 1);
          work?.end();
          await turn();
        };
        for (const step of steps) {
          if ("ends" in step) {
            if (running.length > 0) await end(step.ends);
          } else {
            const { account, weight } = step;
            const mayRun = running.length < concurrency && runningOf(account) < ofOne.concurrency;
            // Whoever has nothing waiting gets a place in any case: there are few accounts.
            const isFull =
              !mayRun &&
              waitingOf(account) > 0 &&
              (allWaiting() + weight > length || waitingOf(account) + weight > ofOne.length);
            assert.equal(queue.isFullFor(account, weight), isFull);
            if (isFull) {
              await assert.rejects(
                queue.run(account, () => undefined, weight),
                RangeError,
              );
            } else {
              const number = next++;
              waiting.get(account)?.push({ number, weight });
              const begin = () => {
                assert.equal(waiting.get(account)?.shift()?.number, number, "an account's work begins in its order");
                return new Promise<void>((resolve) => running.push({ account, end: resolve }));
              };
              works.push(queue.run(account, begin, weight));
              await turn();
            }
          }
          assert.ok(running.length <= concurrency);
          for (const account of ACCOUNTS) {
            assert.ok(runningOf(account) <= ofOne.concurrency);
            const mayRun = running.length < concurrency && runningOf(account) < ofOne.concurrency;
            assert.ok(!mayRun || waitingOf(account) === 0, "nobody waits for nothing");
          }
        }
        while (running.length > 0) await end(0);
        await Promise.all(works);
        assert.equal(allWaiting(), 0);
      },
    ),
    { numRuns: 200 },
  );
});

test("accounts take turns, however much one of them has waiting", async () => {
  const queue = new BoundedQueue({ concurrency: 2, length: 8 });
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (account: string) =>
    queue.run(account, () => {
      begun.push(account);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const works = Array.from({ length: 5 }, () => ask("greedy"));
  assert.equal(queue.isFullFor("greedy"), true);
  // One place was kept for it.
  works.push(ask("modest"), ask("modest"), ask("late"));
  await turn();
  assert.deepEqual(begun, ["greedy", "modest"]);
  while (ends.length > 0) {
    ends.shift()?.();
    await turn();
  }
  await Promise.all(works);
  assert.deepEqual(begun.slice(0, 5).toSorted(), ["greedy", "greedy", "late", "modest", "modest"]);
  assert.deepEqual(begun.slice(5), ["greedy", "greedy", "greedy"]);
});

test("however much some accounts ask for, each other one gets a place, up to so many", async () => {
  const queue = new BoundedQueue({ concurrency: 1, length: 4 });
  const gate = Promise.withResolvers<void>();
  const works: Promise<void>[] = [];
  const fill = (account: string): number => {
    let taken = 0;
    for (; !queue.isFullFor(account); taken++) works.push(queue.run(account, () => gate.promise));
    return taken;
  };
  assert.deepEqual(["greedy", "greedy too"].map(fill), [3, 2]);
  const others = Array.from({ length: OWN_PLACES }, (_, i) => `other ${i}`);
  assert.ok(others.every((other) => fill(other) === 1));
  assert.equal(fill("one more"), 0);
  gate.resolve();
  await Promise.all(works);
  assert.ok(fill("one more") > 0);
});

test("work that fails gives its place to the next", async () => {
  const queue = new BoundedQueue({ concurrency: 1, length: 1 });
  const failing = queue.run("one", () => Promise.reject(new Error("a failure")));
  const next = queue.run("two", () => "done");
  await assert.rejects(failing, /a failure/);
  assert.equal(await next, "done");
  assert.equal(await queue.run("one", () => "again"), "again");
});

/** What is served and may wait of one account. */
const SHARE = { concurrency: QUEUES.lookup.concurrency - 1, length: QUEUES.lookup.length / 2 };
const OTHER = { accessKeyId: "LTAI5tOTHER", secret: "another-secret" };

forEachDatabase((database) => {
  test("an account with its share of a queue is refused on record, and all else is answered as ever", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    await service.process.addThings({ id: OTHER.accessKeyId, owner: "9999999999999999", note: OTHER.secret, count: 1 });
    const id = randomUUID();
    const gate = Promise.withResolvers<void>();
    searches.set(id, gate.promise);
    const { concurrency, length } = SHARE;
    const calls = Array.from({ length: concurrency + length + 1 }, () => service.call("SearchThings", { Id: id }));
    // One of them is too many.
    const refused = await Promise.race(calls);
    const { status, json, retryAfterMillis } = refused;
    assert.deepEqual([status, json["Code"], json["Message"]], [429, "Rejected.Throttling", "QPS Limit Exceeded"]);
    assert.equal(retryAfterMillis, 1_000);
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
    assert.equal((await service.call("ChangeThing", { Id: "mine", Count: "6" })).status, 200);
    assert.equal((await service.send(sign("SearchThings", { Id: "another account's" }, OTHER))).status, 200);

    gate.resolve();
    searches.delete(id);
    for (const reply of await Promise.all(calls)) assert.equal(reply.status, reply === refused ? 429 : 200);
    assert.equal((await service.call("SearchThings", { Id: id })).status, 200);
    const events = await readEvents(deployment.backend, service.process.shard);
    assert.equal(events.find(({ eventId }) => eventId === refused.requestId)?.errorCode, "Rejected.Throttling");
    assert.equal(events.filter(({ eventName }) => eventName === "SearchThings").length, concurrency + length + 3);
    assert.ok((await readEvents(deployment.backend, CONTROL_SHARD)).length > 0);
  });

  test("a call that was given up while it waited never begins", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const id = randomUUID();
    const gate = Promise.withResolvers<void>();
    searches.set(id, gate.promise);
    const { concurrency } = SHARE;
    const calls = Array.from({ length: concurrency + 1 }, () => service.call("SearchThings", { Id: id }));
    for (const { status, json } of await Promise.all(calls)) {
      assert.deepEqual([status, json["Code"]], [503, "ServiceUnavailableTemporary"]);
    }
    gate.resolve();
    searches.delete(id);
    // Places are free again.
    assert.equal((await service.call("SearchThings", { Id: id })).status, 200);
  });
});
