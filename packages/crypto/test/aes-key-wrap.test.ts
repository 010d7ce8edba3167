import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { type AesKeyWrap, AuthenticationError, unwrapAesKey, wrapAesKey } from "../src/index.ts";
import { wycheproof } from "./wycheproof.ts";

const ALGORITHMS = ["KW", "KWP"] as const;
const wrappingKey = createSecretKey(randomBytes(32));

for (const [algorithm, file] of [
  ["KW", "aes_wrap_test.json"],
  ["KWP", "aes_kwp_test.json"],
] as const) {
  test(`AES-${algorithm} agrees with ${file}`, (t) => {
    for (const vector of wycheproof(t, file) ?? []) {
      const what = `${vector.tcId}: ${vector.comment}`;
      const wrappingKey = createSecretKey(vector.bytes("key"));
      const [material, wrapped] = [vector.bytes("msg"), vector.bytes("ct")];
      if (vector.result === "valid") {
        assert.deepEqual(wrapAesKey({ algorithm, wrappingKey, material }), wrapped, what);
        assert.deepEqual(unwrapAesKey({ algorithm, wrappingKey, wrapped }), material, what);
      } else {
        // What is acceptable at best, eight bytes under KW, is none of the standard's.
        assert.throws(() => unwrapAesKey({ algorithm, wrappingKey, wrapped }), AuthenticationError, what);
      }
    }
  });
}

test("AES key wrap takes every length that it should, and no other", () => {
  for (const algorithm of ALGORITHMS) {
    for (let length = 0; length <= 72; length++) {
      const material = randomBytes(length);
      const isTaken = algorithm === "KWP" ? length >= 1 : length >= 16 && length % 8 === 0;
      const wrap = () => wrapAesKey({ algorithm, wrappingKey, material });
      if (isTaken) assert.deepEqual(unwrapAesKey({ algorithm, wrappingKey, wrapped: wrap() }), material);
      else assert.throws(wrap, RangeError);
    }
  }
});

test("AES key wrap refuses what is empty, of any other length, altered, or wrapped by the other algorithm", () => {
  const refuses = (algorithm: AesKeyWrap, wrapped: Uint8Array) =>
    assert.throws(() => unwrapAesKey({ algorithm, wrappingKey, wrapped }), AuthenticationError, `${wrapped.length}`);
  for (const algorithm of ALGORITHMS) {
    for (let length = 0; length <= 64; length++) refuses(algorithm, randomBytes(length));
    refuses(algorithm, Buffer.alloc(2 ** 20 + 24));
    const wrapped = wrapAesKey({ algorithm, wrappingKey, material: randomBytes(32) });
    refuses(algorithm === "KW" ? "KWP" : "KW", wrapped);
    for (let length = 0; length < wrapped.length; length++) refuses(algorithm, wrapped.subarray(0, length));
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const altered = Buffer.from(wrapped);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      refuses(algorithm, altered);
    }
  }
});

test("AES key wrap takes wrapping keys of 16, 24 and 32 bytes only", () => {
  for (const algorithm of ALGORITHMS) {
    for (const bytes of [16, 24, 32]) {
      const wrappingKey = createSecretKey(randomBytes(bytes));
      const wrapped = wrapAesKey({ algorithm, wrappingKey, material: Buffer.alloc(16) });
      assert.deepEqual(unwrapAesKey({ algorithm, wrappingKey, wrapped }), Buffer.alloc(16));
    }
    const wrong = createSecretKey(randomBytes(20));
    assert.throws(() => wrapAesKey({ algorithm, wrappingKey: wrong, material: Buffer.alloc(16) }), RangeError);
    assert.throws(() => unwrapAesKey({ algorithm, wrappingKey: wrong, wrapped: Buffer.alloc(24) }), RangeError);
  }
});
