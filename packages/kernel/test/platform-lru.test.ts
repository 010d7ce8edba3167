import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { Lru } from "../src/platform/index.ts";

test("drops the entry least recently set or got", () => {
  const lru = new Lru<string, number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  assert.equal(lru.get("a"), 1);
  lru.set("c", 3);
  assert.equal(lru.get("b"), undefined);
  assert.equal(lru.get("a"), 1);
  lru.set("a", 4);
  lru.set("d", 5);
  assert.equal(lru.get("c"), undefined);
  assert.equal(lru.get("a"), 4);
  assert.equal(lru.size, 2);
});

test("behaves as a list in order of use", () => {
  const action = fc.tuple(fc.constantFrom("get", "set", "delete", "clear"), fc.nat(7));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(action, { maxLength: 60 }), (capacity, actions) => {
      const lru = new Lru<number, number>(capacity);
      let model: (readonly [number, number])[] = [];
      for (const [i, [what, key]] of actions.entries()) {
        const found = model.find(([k]) => k === key);
        const others = model.filter(([k]) => k !== key);
        if (what === "get") {
          assert.equal(lru.get(key), found?.[1]);
          if (found !== undefined) model = [...others, found];
        } else if (what === "set") {
          lru.set(key, i);
          model = [...others, [key, i] as const].slice(-capacity);
        } else if (what === "delete") {
          assert.equal(lru.delete(key), found !== undefined);
          model = others;
        } else {
          lru.clear();
          model = [];
        }
        assert.equal(lru.size, model.length);
      }
    }),
  );
});

test("drops the oldest until the rest weighs no more than it may, but for the one set last", () => {
  const lru = new Lru<string, number>(10, { of: (value) => value, most: 10 });
  const kept = () => ["a", "b", "c", "d"].filter((key) => lru.get(key) !== undefined);
  lru.set("a", 4);
  lru.set("b", 4);
  lru.set("c", 2);
  assert.deepEqual(kept(), ["a", "b", "c"]);
  lru.set("a", 5);
  assert.deepEqual(kept(), ["a", "c"]);
  assert(lru.delete("a"));
  lru.set("d", 8);
  assert.deepEqual(kept(), ["c", "d"]);
  lru.set("b", 11);
  assert.deepEqual(kept(), ["b"]);
  lru.clear();
  lru.set("a", 10);
  assert.deepEqual(kept(), ["a"]);
});

test("refuses a capacity that is not a positive integer", () => {
  for (const capacity of [0, -1, 1.5, Number.NaN]) assert.throws(() => new Lru(capacity), RangeError);
});
