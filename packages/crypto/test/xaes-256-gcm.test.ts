import assert from "node:assert/strict";
import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { AuthenticationError, XAES_256_GCM, Xaes256Gcm } from "../src/index.ts";

// c2sp.org/XAES-256-GCM, "Test vectors": in the first the most significant bit of L is 0, in the second 1.
const vectors = [
  { keyByte: 0x01, aad: "", box: "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271" },
  { keyByte: 0x03, aad: "c2sp.org/XAES-256-GCM", box: "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d" },
];

for (const { keyByte, aad: text, box: hex } of vectors) {
  test(`XAES-256-GCM agrees with the C2SP vector of key 0x0${keyByte}…`, () => {
    const xaes = new Xaes256Gcm(createSecretKey(Buffer.alloc(32, keyByte)));
    const [nonce, plaintext, aad] = [
      Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWX"),
      Buffer.from("XAES-256-GCM"),
      Buffer.from(text),
    ];
    const box = xaes.seal({ nonce, plaintext, aad });
    assert.equal(box.toString("hex"), hex);
    assert.deepEqual(xaes.open({ nonce, box, aad }), plaintext);
  });
}

test("XAES-256-GCM agrees with the C2SP accumulated test of 10,000 iterations", () => {
  assert.equal(accumulated(10_000), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
});

// oxlint-disable-next-line no-restricted-properties -- asked for by hand only: half a minute, and half a gigabyte of memory
const skip = process.env["CINNABAR_TEST_SLOW"] === undefined && "set CINNABAR_TEST_SLOW=1 to run";

test("XAES-256-GCM agrees with the C2SP accumulated test of 1,000,000 iterations", { skip }, () => {
  assert.equal(accumulated(1_000_000), "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15");
});

/** c2sp.org/XAES-256-GCM, "Accumulated randomized tests": inputs out of one SHAKE128, boxes into another. */
function accumulated(iterations: number): string {
  const most = iterations * (32 + 24 + 1 + 255 + 1 + 255);
  const stream = createHash("shake128", { outputLength: most }).digest();
  const digest = createHash("shake128", { outputLength: 32 });
  let offset = 0;
  const read = (length: number) => stream.subarray(offset, (offset += length));
  for (let i = 0; i < iterations; i++) {
    const xaes = new Xaes256Gcm(createSecretKey(read(32)));
    const nonce = read(24);
    const plaintext = read(read(1).readUInt8());
    const aad = read(read(1).readUInt8());
    const box = xaes.seal({ nonce, plaintext, aad });
    assert(xaes.open({ nonce, box, aad }).equals(plaintext));
    digest.update(box);
  }
  return digest.digest("hex");
}

test("XAES-256-GCM messages under one instance do not depend on what it sealed or opened before", () => {
  const key = createSecretKey(randomBytes(XAES_256_GCM.keyBytes));
  const used = new Xaes256Gcm(key);
  const aad = Buffer.from("a");
  for (let length = 0; length < 100; length++) {
    const message = { nonce: randomBytes(XAES_256_GCM.nonceBytes), plaintext: randomBytes(length), aad };
    const box = used.seal(message);
    assert.deepEqual(box, new Xaes256Gcm(key).seal(message));
    assert.throws(() => used.open({ nonce: randomBytes(XAES_256_GCM.nonceBytes), box, aad }), AuthenticationError);
    assert.deepEqual(used.open({ nonce: message.nonce, box, aad }), message.plaintext);
  }
});

test("XAES-256-GCM refuses every single flipped bit of nonce, box and associated data", () => {
  const xaes = new Xaes256Gcm(createSecretKey(randomBytes(32)));
  const nonce = randomBytes(24);
  const aad = Buffer.from("associated");
  const message = { nonce, aad, box: xaes.seal({ nonce, plaintext: Buffer.from("text"), aad }) };
  for (const part of ["nonce", "aad", "box"] as const) {
    for (let bit = 0; bit < message[part].length * 8; bit++) {
      const altered = Buffer.from(message[part]);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => xaes.open({ ...message, [part]: altered }), AuthenticationError);
    }
  }
});

test("XAES-256-GCM refuses other lengths of key, nonce and box", () => {
  assert.throws(() => new Xaes256Gcm(createSecretKey(randomBytes(16))), RangeError);
  const xaes = new Xaes256Gcm(createSecretKey(randomBytes(32)));
  const aad = Buffer.alloc(0);
  const nonce = randomBytes(24);
  const box = xaes.seal({ nonce, plaintext: aad, aad });
  for (const wrong of [0, 12, 23, 25]) {
    assert.throws(() => xaes.seal({ nonce: randomBytes(wrong), plaintext: aad, aad }), RangeError);
    assert.throws(() => xaes.open({ nonce: randomBytes(wrong), box, aad }), AuthenticationError);
  }
  for (let length = 0; length < box.length; length++) {
    assert.throws(() => xaes.open({ nonce, box: box.subarray(0, length), aad }), AuthenticationError);
  }
});
