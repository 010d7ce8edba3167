import assert from "node:assert/strict";
import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";

import {
  AuthenticationError,
  generateKeyPair,
  hashInTurns,
  inTurns,
  openAesGcm,
  openAesGcmInTurns,
  ownTurn,
  sealAesGcm,
  sealAesGcmInTurns,
  sm2Digest,
  sm2DigestInTurns,
  Sm2PrivateKey,
  TURN_BYTES,
} from "../src/index.ts";

/** Lengths at which something begins or ends. */
const LENGTHS = [0, 1, TURN_BYTES - 1, TURN_BYTES, TURN_BYTES + 1, 2 * TURN_BYTES, 3 * TURN_BYTES + 17];
const aad = Buffer.from("associated");

test("gives every byte once and in order, what is short at once", async () => {
  for (const length of LENGTHS) {
    const bytes = randomBytes(length);
    const slices: Uint8Array[] = [];
    const done = inTurns("a", bytes, (slice) => slices.push(slice));
    assert.equal(done instanceof Promise, length > TURN_BYTES, String(length));
    await done;
    assert.deepEqual(Buffer.concat(slices), bytes);
    assert.ok(slices.every((slice) => slice.length <= TURN_BYTES));
  }
});

test("whoever takes turns takes one after another, and lets others have theirs", async () => {
  let turns = 0;
  let isCounting = true;
  const count = (): void => {
    turns++;
    if (isCounting) setImmediate(count);
  };
  setImmediate(count);
  const seen: number[] = [];
  const work = () => inTurns("a", Buffer.alloc(4 * TURN_BYTES), () => seen.push(turns));
  await Promise.all([work(), work(), ownTurn("b").then(() => seen.push(turns))]);
  isCounting = false;
  assert.equal(seen.length, 9);
  // No two of them in one turn.
  assert.equal(new Set(seen).size, 9, String(seen));
});

test("hashes to the same as at once", async () => {
  for (const length of LENGTHS) {
    const message = randomBytes(length);
    for (const name of ["sha256", "sha384", "sm3"]) {
      assert.deepEqual(
        await hashInTurns({ whose: "a", hash: name, message }),
        createHash(name).update(message).digest(),
        name,
      );
    }
  }
  using privateKey = Sm2PrivateKey.fromPkcs8(generateKeyPair("EC_SM2").privateKey);
  const { publicKey } = privateKey;
  for (const length of LENGTHS) {
    const message = randomBytes(length);
    assert.deepEqual(await sm2DigestInTurns({ whose: "a", publicKey, message }), sm2Digest({ publicKey, message }));
  }
});

test("seals to the same as at once, and opens what was sealed so", async () => {
  const length = fc.oneof(fc.constantFrom(...LENGTHS), fc.nat(3 * TURN_BYTES));
  await fc.assert(
    fc.asyncProperty(length, fc.constantFrom(16, 24, 32), async (plaintextBytes, keyBytes) => {
      const [key, nonce, plaintext] = [
        createSecretKey(randomBytes(keyBytes)),
        randomBytes(12),
        randomBytes(plaintextBytes),
      ];
      const box = await sealAesGcmInTurns({ whose: "a", key, nonce, plaintext, aad });
      assert.deepEqual(box, sealAesGcm({ key, nonce, plaintext, aad }).box);
      assert.deepEqual(await openAesGcmInTurns({ whose: "a", key, nonce, box, aad }), plaintext);
      assert.deepEqual(openAesGcm({ key, nonce, box, aad }), plaintext);
    }),
    { numRuns: 40 },
  );
});

test("opens nothing that was altered, cut short, or comes with other associated data", async () => {
  const [key, nonce, plaintext] = [createSecretKey(randomBytes(32)), randomBytes(12), randomBytes(TURN_BYTES + 100)];
  const box = await sealAesGcmInTurns({ whose: "a", key, nonce, plaintext, aad });
  const refused = (changes: object) =>
    assert.rejects(openAesGcmInTurns({ whose: "a", key, nonce, box, aad, ...changes }), AuthenticationError);
  for (const at of [0, TURN_BYTES - 1, TURN_BYTES, box.length - 17, box.length - 16, box.length - 1]) {
    const altered = Buffer.from(box);
    altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
    await refused({ box: altered });
  }
  await refused({ box: box.subarray(0, -1) });
  await refused({ box: box.subarray(0, 15) });
  await refused({ aad: Buffer.from("other") });
  await refused({ nonce: randomBytes(12) });
  await refused({ nonce: randomBytes(11) });
  await assert.rejects(sealAesGcmInTurns({ whose: "a", key, nonce: randomBytes(11), plaintext, aad }), RangeError);
});
