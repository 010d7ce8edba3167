import assert from "node:assert/strict";
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { skipWithout } from "@cinnabar/testkit";
import fc from "fast-check";

import {
  DecryptionError,
  generateKeyPair,
  KeyFormatError,
  SM2,
  sm2Digest,
  Sm2PrivateKey,
  Sm2PublicKey,
} from "../src/index.ts";
import { hex } from "./hex.ts";
import { OpenSsl } from "./openssl.ts";

// GB/T 32918.5-2017, annexes A (signature) and C (encryption): the same key pair in both.
const SCALAR = hex("3945208F 7B2144B1 3F36E38A C6D39F95 88939369 2860B51A 42FB81EF 4DF7C5B8");
const POINT = hex(`04 09F9DF31 1E5421A1 50DD7D16 1E4BC5C6 72179FAD 1833FC07 6BB08FF3 56F35020
  CCEA490C E26775A5 2DC6EA71 8CC1AA60 0AED05FB F35E084A 6632F607 2DA9AD13`);
const DIGEST = hex("F0B43E94 BA45ACCA ACE692ED 534382EB 17E6AB5A 19CE7B31 F4486FDF C0D28640");
const SIGNATURE = hex(`30 46 02 21 00 F5A03B06 48D2C463 0EEAC513 E1BB81A1 5944DA38 27D5B741 43AC7EAC EEE720B3
  02 21 00 B1B6AA29 DF212FD8 763182BC 0D421CA1 BB9038FD 1F7F42D4 840B69C4 85BBC1AA`);
const CIPHERTEXT = hex(`04 04EBFC71 8E8D1798 62043226 8E77FEB6 415E2EDE 0E073C0F 4F640ECD 2E149A73
  E858F9D8 1E5430A5 7B36DAAB 8F950A3C 64E6EE6A 63094D99 283AFF76 7E124DF0
  59983C18 F809E262 923C53AE C295D303 83B54E39 D609D160 AFCB1908 D0BD8766 21886CA9 89CA9C7D 58087307 CA93092D 651EFA`);

const key = Sm2PrivateKey.fromScalar(SCALAR);
const { publicKey } = key;

test("SM3 and SM4 agree with their standards' first examples (GB/T 32905, GB/T 32907)", () => {
  const digest = hex("66c7f0f4 62eeedd9 d1f2d46b dc10e4e2 4167c487 5cf2f7a2 297da02b 8f4ba8e0");
  assert.deepEqual(createHash("sm3").update("abc").digest(), digest);
  const block = hex("0123456789abcdeffedcba9876543210");
  const cipher = createCipheriv("sm4-ecb", block, null).setAutoPadding(false);
  assert.deepEqual(cipher.update(block), hex("681edf34 d206965e 86b3e94f 536e4246"));
});

test("an SM2 public key, digest and signature are those of GB/T 32918.5, annex A", () => {
  assert.deepEqual(Buffer.from(publicKey.point), POINT);
  assert.deepEqual(sm2Digest({ publicKey, message: Buffer.from("message digest") }), DIGEST);
  assert(publicKey.verify(DIGEST, SIGNATURE));
});

test("SM2 decrypts the ciphertext of GB/T 32918.5, annex C", () => {
  assert.equal(key.decrypt(CIPHERTEXT).toString(), "encryption standard");
});

test("an SM2 signature verifies for its own digest and key, and for no other", () => {
  const other = Sm2PrivateKey.fromPkcs8(generateKeyPair("EC_SM2").privateKey);
  for (const digest of [DIGEST, Buffer.alloc(32), Buffer.alloc(32, 0xff), randomBytes(32)]) {
    const signature = key.sign(digest);
    assert(publicKey.verify(digest, signature));
    assert(!publicKey.verify(createHash("sm3").update(digest).digest(), signature));
    assert(!other.publicKey.verify(digest, signature));
  }
  assert.notDeepEqual(key.sign(DIGEST), key.sign(DIGEST), "each signature draws its nonce anew");
  assert.throws(() => key.sign(Buffer.alloc(31)), RangeError);
  assert.throws(() => publicKey.verify(Buffer.alloc(33), SIGNATURE), RangeError);
});

test("an SM2 signature is DER and nothing else: no flipped bit, truncation, appended byte or number out of range verifies", () => {
  for (let bit = 0; bit < SIGNATURE.length * 8; bit += 7) {
    const altered = Buffer.from(SIGNATURE);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    assert(!publicKey.verify(DIGEST, altered), `bit ${bit}`);
  }
  for (let length = 0; length < SIGNATURE.length; length++)
    assert(!publicKey.verify(DIGEST, SIGNATURE.subarray(0, length)));
  assert(!publicKey.verify(DIGEST, Buffer.concat([SIGNATURE, Buffer.alloc(1)])));
  const order = hex("FFFFFFFE FFFFFFFF FFFFFFFF FFFFFFFF 7203DF6B 21C6052B 53BBF409 39D54123");
  const zero = hex("02 01 00");
  const one = hex("02 01 01");
  const n = Buffer.concat([hex("02 21 00"), order]);
  // r + s = n, which leaves nothing of the public key.
  const orderLessOne = Buffer.concat([hex("02 21 00"), order.subarray(0, 31), Buffer.of(0x22)]);
  for (const [r, s] of [
    [zero, one],
    [one, zero],
    [n, one],
    [one, n],
    [orderLessOne, one],
  ] as const) {
    const body = Buffer.concat([r, s]);
    assert(!publicKey.verify(DIGEST, Buffer.concat([Buffer.of(0x30, body.length), body])));
  }
});

test("a user id is bound into the SM2 digest, and the standard one is used where none is given", () => {
  const message = Buffer.from("m");
  const digest = sm2Digest({ publicKey, message });
  assert.deepEqual(sm2Digest({ publicKey, message, userId: "1234567812345678" }), digest);
  assert.notDeepEqual(sm2Digest({ publicKey, message, userId: "" }), digest);
  assert.throws(() => sm2Digest({ publicKey, message, userId: "x".repeat(8192) }), RangeError);
});

test("SM2 decrypts what it encrypted, in both forms", () => {
  const length = fc.oneof(fc.constantFrom(1, 31, 32, 33, 64, 6047), fc.integer({ min: 1, max: 200 }));
  fc.assert(
    fc.property(length, fc.constantFrom("raw" as const, "der" as const), (length, form) => {
      const plaintext = randomBytes(length);
      const ciphertext = publicKey.encrypt(plaintext, form);
      if (form === "raw") assert.equal(ciphertext.length, length + SM2.ciphertextOverheadBytes);
      assert.deepEqual(key.decrypt(ciphertext), plaintext);
    }),
    { numRuns: 30 },
  );
  assert.throws(() => publicKey.encrypt(Buffer.alloc(0), "raw"), RangeError);
});

test("SM2 refuses a ciphertext that is cut short, altered, of another key, or no point of the curve", () => {
  const refuses = (ciphertext: Uint8Array, by = key) => assert.throws(() => by.decrypt(ciphertext), DecryptionError);
  for (const form of ["raw", "der"] as const) {
    const ciphertext = publicKey.encrypt(Buffer.from("plaintext"), form);
    for (let length = 0; length < ciphertext.length; length += 5) refuses(ciphertext.subarray(0, length));
    for (let bit = 0; bit < ciphertext.length * 8; bit += 31) {
      const altered = Buffer.from(ciphertext);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      refuses(altered);
    }
    refuses(ciphertext, Sm2PrivateKey.fromPkcs8(generateKeyPair("EC_SM2").privateKey));
    if (form === "der") refuses(Buffer.concat([ciphertext, Buffer.alloc(1)]));
  }
  const infinity = Buffer.concat([Buffer.alloc(65), randomBytes(40)]);
  infinity[0] = 4;
  refuses(infinity);
});

test("an SM2 private key is a number from 1 to the order less 2, of 32 bytes", () => {
  const order = hex("FFFFFFFE FFFFFFFF FFFFFFFF FFFFFFFF 7203DF6B 21C6052B 53BBF409 39D54123");
  const at = (last: number) => Buffer.concat([order.subarray(0, 31), Buffer.of(last)]);
  for (const wrong of [
    Buffer.alloc(32),
    at(0x22),
    order,
    Buffer.alloc(32, 0xff),
    SCALAR.subarray(1),
    Buffer.alloc(33, 1),
  ]) {
    assert.throws(() => Sm2PrivateKey.fromScalar(wrong), KeyFormatError);
  }
  const one = Buffer.alloc(32);
  one[31] = 1;
  for (const right of [one, at(0x21)]) {
    assert.equal(Sm2PrivateKey.fromScalar(right).publicKey.point.length, 65);
  }
});

test("an SM2 private key clears its own copy of the scalar, and no other", () => {
  const mine = Buffer.from(SCALAR);
  const copied = Sm2PrivateKey.fromScalar(mine);
  copied[Symbol.dispose]();
  assert.deepEqual(mine, SCALAR);
  assert(!copied.toPkcs8().includes(SCALAR));
});

test("SM2 agrees with the openssl command both ways", { skip: skipWithout("openssl") }, async () => {
  await using openssl = await OpenSsl.open();
  const theirs = await openssl.run("genpkey -algorithm SM2 -outform PEM -out out");
  const pkcs8 = await openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out out", { "key.pem": theirs });
  const key = Sm2PrivateKey.fromPkcs8(pkcs8);
  assert.deepEqual(key.toPkcs8(), pkcs8);
  const spki = await openssl.run("pkey -in key.pem -pubout -outform DER -out out");
  assert.deepEqual(key.publicKey.toSpki(), spki);

  const message = Buffer.from("a message");
  const id = "-sigopt distid:1234567812345678";
  const signature = await openssl.run(`dgst -sm3 -sign key.pem ${id} -out out message`, { message });
  const digest = sm2Digest({ publicKey: key.publicKey, message });
  assert(key.publicKey.verify(digest, signature));
  const ours = key.sign(digest);
  const files = { spki: key.publicKey.toSpki(), ours };
  const said = await openssl.run(`dgst -sm3 -verify spki -keyform DER ${id} -signature ours message`, files);
  assert.match(said.toString(), /Verified OK/);

  const ciphertext = await openssl.run("pkeyutl -encrypt -inkey key.pem -in message -out out");
  assert.deepEqual(key.decrypt(ciphertext), message);
  const encrypted = { ciphertext: key.publicKey.encrypt(message, "der"), pkcs8: key.toPkcs8() };
  assert.deepEqual(
    await openssl.run("pkeyutl -decrypt -inkey pkcs8 -keyform DER -in ciphertext -out out", encrypted),
    message,
  );
});

test("an SM2 public key is a point of the curve, uncompressed", () => {
  assert.deepEqual(Buffer.from(Sm2PublicKey.fromSpki(publicKey.toSpki()).point), POINT);
  const off = Buffer.from(POINT);
  off[64]! ^= 1;
  const compressed = Buffer.concat([Buffer.of(3), POINT.subarray(1, 33)]);
  for (const wrong of [off, compressed, Buffer.of(0), Buffer.alloc(65), POINT.subarray(1)]) {
    assert.throws(() => Sm2PublicKey.fromPoint(wrong), KeyFormatError);
  }
});
