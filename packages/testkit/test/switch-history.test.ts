import assert from "node:assert/strict";
import { test } from "node:test";
import { type Flip, judgeHistory, type Reading } from "../src/crash/switch-history.ts";

/** Off from 12 at the latest to 30 at the earliest. */
const flips: readonly Flip[] = [
  { to: "off", beganAt: 10, returnedAt: 12 },
  { to: "on", beganAt: 30, returnedAt: 32 },
];

const on = (beganAt: number, returnedAt: number): Reading => ({ found: "on", beganAt, returnedAt });
const off = (beganAt: number, returnedAt: number): Reading => ({ found: "off", beganAt, returnedAt });

test("readings between flips must find what the last one left", () => {
  const verdict = judgeHistory(flips, [on(1, 2), off(13, 14), on(33, 34), on(15, 16), off(3, 4)]);
  assert.deepEqual(verdict, { onWhileOff: 1, offWhileOn: 1, unexplained: 2, overlapping: 0, whileOff: 2 });
});

test("a reading that overlaps a flip may find either", () => {
  const verdict = judgeHistory(flips, [
    on(9, 11),
    off(9, 11),
    on(11, 13),
    off(11, 13),
    on(13, 31),
    off(5, 40),
    on(5, 40),
  ]);
  assert.deepEqual(verdict, { onWhileOff: 0, offWhileOn: 0, unexplained: 0, overlapping: 7, whileOff: 0 });
});

test("once a reading has seen a flip, none that begins later may miss it", () => {
  const slow: readonly Flip[] = [{ to: "off", beganAt: 10, returnedAt: 100 }];
  assert.equal(judgeHistory(slow, [on(11, 12), off(13, 14), off(15, 16)]).unexplained, 0);
  assert.equal(judgeHistory(slow, [off(11, 12), on(13, 14)]).unexplained, 1);
  assert.equal(judgeHistory(slow, [off(11, 13), on(12, 14)]).unexplained, 0, "they overlap each other");
});
