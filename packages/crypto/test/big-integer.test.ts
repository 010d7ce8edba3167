import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { randomScalar, toBigInt, toBytes } from "../src/big-integer.ts";

test("bytes are the number that their hexadecimal digits are, and the other way round", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const number = BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);
      assert.equal(toBigInt(bytes), number);
      assert.deepEqual(toBytes(number, bytes.length), Buffer.from(bytes));
    }),
  );
});

test("a number that does not fit is refused", () => {
  assert.throws(() => toBytes(256n, 1), RangeError);
  assert.throws(() => toBytes(-1n, 1), RangeError);
  assert.throws(() => toBytes(1n, 0), RangeError);
});

test("a random scalar is never zero and below the modulus", () => {
  const seen = new Set(Array.from({ length: 200 }, () => randomScalar(5n)));
  assert.deepEqual(seen, new Set([1n, 2n, 3n, 4n]));
});
