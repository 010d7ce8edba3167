import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { AuthenticationError, lengthPrefixed, openAesGcm, unwrapKey, wrapKey } from "../src/index.ts";

const wrappingKey = createSecretKey(randomBytes(32));
const material = randomBytes(32);
const identity = ["account", "key", "version"];

test("a wrapped key unwraps under the same key and identity", () => {
  for (const length of [0, 1, 32, 5000]) {
    const material = randomBytes(length);
    const wrapped = wrapKey({ wrappingKey, material, identity });
    assert.equal(wrapped.length, 1 + 12 + length + 16);
    assert.deepEqual(unwrapKey({ wrappingKey, wrapped, identity }), material);
  }
});

test("a wrapped key is version 1, nonce and an AES-256-GCM box bound to label and identity", () => {
  const wrapped = wrapKey({ wrappingKey, material, identity });
  assert.equal(wrapped[0], 1);
  const aad = lengthPrefixed(["cinnabar key wrap v1", ...identity]);
  const opened = openAesGcm({ key: wrappingKey, nonce: wrapped.subarray(1, 13), box: wrapped.subarray(13), aad });
  assert.deepEqual(opened, material);
});

test("a wrapped key does not unwrap under another identity, however its parts are cut", () => {
  const wrapped = wrapKey({ wrappingKey, material, identity });
  for (const other of [
    [],
    ["account", "key"],
    ["account", "keyversion"],
    ["account", "key", "version", ""],
    ["key", "account", "version"],
  ]) {
    assert.throws(() => unwrapKey({ wrappingKey, wrapped, identity: other }), AuthenticationError);
  }
});

test("a wrapped key does not unwrap under another key, cut short, lengthened, or with any bit flipped", () => {
  const wrapped = wrapKey({ wrappingKey, material, identity });
  const refuses = (wrapped: Buffer, key = wrappingKey) =>
    assert.throws(() => unwrapKey({ wrappingKey: key, wrapped, identity }), AuthenticationError);

  refuses(wrapped, createSecretKey(randomBytes(32)));
  refuses(Buffer.concat([wrapped, Buffer.alloc(1)]));
  for (let length = 0; length < wrapped.length; length++) refuses(wrapped.subarray(0, length));
  for (let bit = 0; bit < wrapped.length * 8; bit++) {
    const altered = Buffer.from(wrapped);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    refuses(altered);
  }
});

test("a wrapping key is a secret key of 32 bytes", () => {
  const wrapped = wrapKey({ wrappingKey, material, identity });
  for (const bytes of [16, 24, 33]) {
    const wrong = createSecretKey(randomBytes(bytes));
    assert.throws(() => wrapKey({ wrappingKey: wrong, material, identity }), RangeError);
    assert.throws(() => unwrapKey({ wrappingKey: wrong, wrapped, identity }), RangeError);
  }
});
