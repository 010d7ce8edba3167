import assert from "node:assert/strict";
import { test } from "node:test";

import { inTurns, TURN_BYTES, TurnLine } from "../src/index.ts";

/** Counts turns of the event loop until it is disposed of. */
class TurnCount implements Disposable {
  count = 0;
  #next = setImmediate(() => this.#go());

  #go(): void {
    this.count++;
    this.#next = setImmediate(() => this.#go());
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
  }
}

test("whoever has little waits for one piece of everybody else, however much they have", async () => {
  const line = new TurnLine();
  const served: string[] = [];
  const wait = (whose: string, name = whose) => line.turn(whose, () => false).then(() => served.push(name));
  const all = [...["a1", "a2", "a3", "a4"].map((name) => wait("a", name)), wait("b"), wait("c")];
  await Promise.all(all);
  assert.deepEqual(served, ["a1", "b", "c", "a2", "a3", "a4"]);
});

test("whoever goes on comes behind all who wait", async () => {
  const line = new TurnLine();
  const served: string[] = [];
  const work = async (whose: string) => {
    for (const piece of [1, 2, 3]) {
      await line.turn(whose);
      served.push(`${whose}${piece}`);
    }
  };
  await Promise.all([work("a"), work("a"), work("b")]);
  assert.deepEqual(served, ["a1", "b1", "a1", "b2", "a2", "b3", "a2", "a3", "a3"]);
});

test("what was given up is let go without a turn of its own", async () => {
  const line = new TurnLine();
  using turns = new TurnCount();
  const abandoned = { all: false };
  const given = Array.from({ length: 500 }, () => line.turn("a", () => abandoned.all));
  const wanted = line.turn("a");
  await given[0];
  abandoned.all = true;
  const before = turns.count;
  await wanted;
  assert.ok(turns.count - before <= 2, `${turns.count - before}`);
  await Promise.all(given);
});

test("a line that has come to its end begins again", async () => {
  const line = new TurnLine();
  for (let i = 0; i < 3; i++) {
    await line.turn("a");
    for (let j = 0; j < i; j++) await new Promise((resolve) => setImmediate(resolve));
  }
});

test("one line goes on in every turn, however many wait in another", async () => {
  const strangers = new TurnLine();
  const held = { count: 0 };
  const crowd = Array.from({ length: 1000 }, () => strangers.turn("stranger").then(() => held.count++));
  await inTurns("a", Buffer.alloc(8 * TURN_BYTES), () => undefined);
  // As many strangers as the work had turns, or one more.
  assert.ok(held.count <= 9, String(held.count));
  await Promise.all(crowd);
  assert.equal(held.count, 1000);
});
