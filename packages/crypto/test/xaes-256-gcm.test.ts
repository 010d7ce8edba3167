import assert from "node:assert/strict";
import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import * as fc from "fast-check";

import { incrementCounter } from "../src/counter.ts";
import { AuthenticationError, XAES_256_GCM, Xaes256Gcm } from "../src/index.ts";
import { RUN_MESSAGES } from "../src/xaes-256-gcm.ts";

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
const skip = process.env["CINNABAR_TEST_SLOW"] === undefined && "npm run test:slow, or set CINNABAR_TEST_SLOW=1";

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

test("XAES-256-GCM seals the next message as the specification does under the nonce that it puts in front", () => {
  const key = createSecretKey(randomBytes(XAES_256_GCM.keyBytes));
  const sealing = new Xaes256Gcm(key);
  for (let length = 0; length < 2 * RUN_MESSAGES; length++) {
    const [plaintext, aad] = [randomBytes(length), randomBytes(length % 7)];
    const sealed = sealing.sealNext({ plaintext, aad });
    const [nonce, box] = [sealed.subarray(0, XAES_256_GCM.nonceBytes), sealed.subarray(XAES_256_GCM.nonceBytes)];
    assert.deepEqual(box, new Xaes256Gcm(key).seal({ nonce, plaintext, aad }));
    assert.deepEqual(new Xaes256Gcm(key).open({ nonce, box, aad }), plaintext);
  }
});

test("XAES-256-GCM draws a new nonce for each run and counts on from it within the run, whatever comes between", () => {
  const xaes = new Xaes256Gcm(createSecretKey(randomBytes(XAES_256_GCM.keyBytes)));
  const nothing = Buffer.alloc(0);
  const runs = 16;
  const nonces = Array.from({ length: runs * RUN_MESSAGES }, () => {
    xaes.seal({ nonce: randomBytes(XAES_256_GCM.nonceBytes), plaintext: nothing, aad: nothing });
    return xaes.sealNext({ plaintext: nothing, aad: nothing }).toString("hex", 0, XAES_256_GCM.nonceBytes);
  });
  assert.equal(new Set(nonces).size, nonces.length);
  const prefix = (nonce: string | undefined) => nonce?.slice(0, 24);
  const counter = (nonce: string | undefined) => BigInt(`0x${nonce?.slice(24)}`);
  for (let i = 1; i < nonces.length; i++) {
    if (i % RUN_MESSAGES === 0) {
      assert.notEqual(prefix(nonces[i]), prefix(nonces[i - 1]));
      assert.notEqual(counter(nonces[i]), counter(nonces[i - 1]) + 1n);
    } else {
      assert.equal(prefix(nonces[i]), prefix(nonces[i - 1]));
      assert.equal(counter(nonces[i]), BigInt.asUintN(96, counter(nonces[i - 1]) + 1n));
    }
  }
});

test("two instances of XAES-256-GCM for one key, such as those of two processes, never share a run", () => {
  const key = createSecretKey(randomBytes(XAES_256_GCM.keyBytes));
  const nothing = Buffer.alloc(0);
  const prefixes = Array.from({ length: 100 }, () =>
    new Xaes256Gcm(key).sealNext({ plaintext: nothing, aad: nothing }).toString("hex", 0, 12),
  );
  assert.equal(new Set(prefixes).size, prefixes.length);
});

test("XAES-256-GCM spends the nonce of a message that could not be sealed", () => {
  const xaes = new Xaes256Gcm(createSecretKey(randomBytes(XAES_256_GCM.keyBytes)));
  const nothing = Buffer.alloc(0);
  // What only a caller without types can pass.
  const wrong = 5 as unknown as Uint8Array;
  const nonceOf = (box: Buffer) => BigInt(`0x${box.toString("hex", 12, XAES_256_GCM.nonceBytes)}`);
  const first = nonceOf(xaes.sealNext({ plaintext: nothing, aad: nothing }));
  assert.throws(() => xaes.sealNext({ plaintext: wrong, aad: nothing }), TypeError);
  assert.equal(nonceOf(xaes.sealNext({ plaintext: nothing, aad: nothing })), BigInt.asUintN(96, first + 2n));
});

test("a counter is a big-endian number that begins again at 0 after its greatest", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }), fc.integer({ min: 0, max: 12 }), (value, ones) => {
      // Numbers that end in many ones are what carries are about.
      const number = value | (2n ** BigInt(8 * ones) - 1n);
      const bytes = Buffer.from(number.toString(16).padStart(24, "0"), "hex");
      incrementCounter(bytes);
      assert.equal(BigInt(`0x${bytes.toString("hex")}`), BigInt.asUintN(96, number + 1n));
    }),
  );
});
