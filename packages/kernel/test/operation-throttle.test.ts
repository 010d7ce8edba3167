import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Throttle } from "../src/operation/throttle.ts";

test("lets a second's worth of calls through at once, and then as many as the limit says", () => {
  let now = 0;
  const throttle = new Throttle({ CreateKey: 10 }, () => now);
  for (let i = 0; i < 10; i++) assert.equal(throttle.take("CreateKey", "a"), undefined);
  assert.equal(throttle.take("CreateKey", "a"), 100);
  now += 99;
  assert.equal(throttle.take("CreateKey", "a"), 1);
  now += 1;
  assert.equal(throttle.take("CreateKey", "a"), undefined);
  assert.equal(throttle.take("CreateKey", "a"), 100);
});

test("counts each account and each class by itself, and limits no class without a limit", () => {
  const throttle = new Throttle({ CreateKey: 1, read: 1 }, () => 0);
  assert.equal(throttle.take("CreateKey", "a"), undefined);
  assert.equal(throttle.take("CreateKey", "b"), undefined);
  assert.equal(throttle.take("read", "a"), undefined);
  for (let i = 0; i < 5000; i++) assert.equal(throttle.take("crypto", "a"), undefined);
  assert.notEqual(throttle.take("CreateKey", "a"), undefined);
});

test("in no stretch of time do more calls pass than a second's worth and what the stretch allows", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(fc.nat(50), { maxLength: 300 }), (limit, waits) => {
      let now = 0;
      const throttle = new Throttle({ read: limit }, () => now);
      const passed: number[] = [];
      for (const wait of waits) {
        now += wait;
        if (throttle.take("read", "a") === undefined) passed.push(now);
      }
      for (let from = 0; from < passed.length; from++) {
        for (let to = from; to < passed.length; to++) {
          const millis = (passed[to] ?? 0) - (passed[from] ?? 0);
          assert.ok(to - from + 1 <= limit + (millis * limit) / 1000 + 1e-6);
        }
      }
    }),
  );
});

test("who waits as long as told is let through", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(20), (limit, rounds) => {
      let now = 0;
      const throttle = new Throttle({ read: limit }, () => now);
      while (throttle.take("read", "a") === undefined);
      for (let i = 0; i < rounds; i++) {
        now += throttle.take("read", "a") ?? 0;
        assert.equal(throttle.take("read", "a"), undefined);
      }
    }),
  );
});
