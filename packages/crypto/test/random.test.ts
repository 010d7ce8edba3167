import assert from "node:assert/strict";
import { test } from "node:test";

import { randomBytesPooled } from "../src/index.ts";

test("randomBytesPooled gives each length asked for, and never the same bytes twice", () => {
  const seen = new Set<string>();
  let drawn = 0;
  for (let round = 0; round < 2000; round++) {
    for (const length of [12, 16, 24, 700]) {
      const bytes = randomBytesPooled(length);
      assert.equal(bytes.length, length);
      seen.add(bytes.toString("hex"));
      drawn++;
    }
  }
  assert.equal(seen.size, drawn);
});

test("randomBytesPooled hands out copies: writing to one changes no later one", () => {
  randomBytesPooled(24).fill(0xff);
  const bytes = randomBytesPooled(24);
  const before = Buffer.from(bytes);
  randomBytesPooled(8192).fill(0xff);
  assert.deepEqual(bytes, before);
  assert.notDeepEqual(bytes, Buffer.alloc(24, 0xff));
  assert.notDeepEqual(bytes, Buffer.alloc(24));
});

test("randomBytesPooled takes lengths from 0 to 8192", () => {
  assert.equal(randomBytesPooled(0).length, 0);
  for (const length of [-1, 0.5, Number.NaN, 8193]) assert.throws(() => randomBytesPooled(length), RangeError);
});
