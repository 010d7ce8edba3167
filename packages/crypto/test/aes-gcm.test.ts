import assert from "node:assert/strict";
import { createSecretKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";

import { AuthenticationError, openAesGcm, sealAesGcm } from "../src/index.ts";
import { wycheproof } from "./wycheproof.ts";

const key = createSecretKey(randomBytes(32));
const plaintext = Buffer.from("attack at dawn");
const aad = Buffer.from("associated");

test("AES-GCM agrees with every Wycheproof vector of 96-bit IV and 128-bit tag and refuses all others", (t) => {
  const vectors = wycheproof(t, "aes_gcm_test.json");
  if (vectors === undefined) return;
  const seen = { valid: 0, invalid: 0, otherIv: 0 };
  for (const vector of vectors) {
    const what = `${vector.tcId}: ${vector.comment}`;
    const key = createSecretKey(vector.bytes("key"));
    const [nonce, aad, plaintext, tag] = ["iv", "aad", "msg", "tag"].map((field) => vector.bytes(field)) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const box = Buffer.concat([vector.bytes("ct"), tag]);
    assert.equal(vector.group["tagSize"], 128, what);

    if (nonce.length !== 12) {
      assert.throws(() => sealAesGcm({ key, nonce, plaintext, aad }), RangeError, what);
      assert.throws(() => openAesGcm({ key, nonce, box, aad }), AuthenticationError, what);
      seen.otherIv++;
    } else if (vector.result === "valid") {
      assert.deepEqual(sealAesGcm({ key, nonce, plaintext, aad }).box, box, what);
      assert.deepEqual(openAesGcm({ key, nonce, box, aad }), plaintext, what);
      seen.valid++;
    } else {
      assert.throws(() => openAesGcm({ key, nonce, box, aad }), AuthenticationError, what);
      seen.invalid++;
    }
  }
  assert(seen.valid > 0 && seen.invalid > 0 && seen.otherIv > 0, JSON.stringify(seen));
});

test("AES-GCM draws a fresh 12-byte nonce for each message when none is given", () => {
  const first = sealAesGcm({ key, plaintext, aad });
  const second = sealAesGcm({ key, plaintext, aad });
  assert.equal(first.nonce.length, 12);
  assert.notDeepEqual(first.nonce, second.nonce);
  assert.deepEqual(openAesGcm({ key, ...first, aad }), plaintext);
});

test("AES-GCM refuses a truncated tag, however long what is left of it", () => {
  const { nonce, box } = sealAesGcm({ key, plaintext: Buffer.alloc(0), aad });
  for (let length = 0; length < box.length; length++) {
    assert.throws(() => openAesGcm({ key, nonce, box: box.subarray(0, length), aad }), AuthenticationError);
  }
});

test("AES-GCM takes secret keys of 16, 24 and 32 bytes only", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  for (const wrong of [createSecretKey(randomBytes(31)), createSecretKey(randomBytes(64)), privateKey]) {
    assert.throws(() => sealAesGcm({ key: wrong, plaintext, aad }), RangeError);
    assert.throws(() => openAesGcm({ key: wrong, nonce: randomBytes(12), box: randomBytes(32), aad }), RangeError);
  }
});

test("AuthenticationError says the same whatever was wrong", () => {
  const { nonce, box } = sealAesGcm({ key, plaintext, aad });
  const messages = new Set<string>();
  for (const altered of [
    { nonce: nonce.subarray(1) },
    { box: box.subarray(1) },
    { box: Buffer.alloc(3) },
    { aad: plaintext },
    { key: createSecretKey(randomBytes(32)) },
  ]) {
    assert.throws(
      () => openAesGcm({ key, nonce, box, aad, ...altered }),
      (error) =>
        error instanceof AuthenticationError &&
        messages.add(`${error.name} ${error.message}`) &&
        error.cause === undefined,
    );
  }
  assert.equal(messages.size, 1);
});
