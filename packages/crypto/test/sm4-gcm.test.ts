import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";

import { AuthenticationError, openSm4Gcm, sealSm4Gcm, SM4_GCM } from "../src/index.ts";
import { hex } from "./hex.ts";
import { wycheproof } from "./wycheproof.ts";

test("SM4-GCM agrees with RFC 8998, appendix A.1", () => {
  const key = createSecretKey(hex("0123456789ABCDEFFEDCBA9876543210"));
  const nonce = hex("00001234567800000000ABCD");
  const aad = hex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
  const plaintext = hex(`AAAAAAAAAAAAAAAA BBBBBBBBBBBBBBBB CCCCCCCCCCCCCCCC DDDDDDDDDDDDDDDD
    EEEEEEEEEEEEEEEE FFFFFFFFFFFFFFFF EEEEEEEEEEEEEEEE AAAAAAAAAAAAAAAA`);
  const box = hex(`17F399F08C67D5EE19D0DC9969C4BB7D 5FD46FD3756489069157B282BB200735
    D82710CA5C22F0CCFA7CBF93D496AC15 A56834CBCF98C397B4024A2691233B8D 83DE3541E4C2B58177E065A9BF7B62EC`);
  assert.deepEqual(sealSm4Gcm({ key, nonce, plaintext, aad }).box, box);
  assert.deepEqual(openSm4Gcm({ key, nonce, box, aad }), plaintext);
});

test("SM4-GCM agrees with every Wycheproof vector of 96-bit IV and 128-bit tag and refuses all others", (t) => {
  const vectors = wycheproof(t, "sm4_gcm_test.json");
  if (vectors === undefined) return;
  const seen = { valid: 0, invalid: 0, other: 0 };
  for (const vector of vectors) {
    const what = `${vector.tcId}: ${vector.comment}`;
    const key = createSecretKey(vector.bytes("key"));
    const [nonce, aad, plaintext] = [vector.bytes("iv"), vector.bytes("aad"), vector.bytes("msg")];
    const box = Buffer.concat([vector.bytes("ct"), vector.bytes("tag")]);
    if (nonce.length !== SM4_GCM.nonceBytes) {
      assert.throws(() => sealSm4Gcm({ key, nonce, plaintext, aad }), RangeError, what);
      assert.throws(() => openSm4Gcm({ key, nonce, box, aad }), AuthenticationError, what);
      seen.other++;
    } else if (vector.result === "valid" && vector.group["tagSize"] === 128) {
      assert.deepEqual(sealSm4Gcm({ key, nonce, plaintext, aad }).box, box, what);
      assert.deepEqual(openSm4Gcm({ key, nonce, box, aad }), plaintext, what);
      seen.valid++;
    } else {
      assert.throws(() => openSm4Gcm({ key, nonce, box, aad }), AuthenticationError, what);
      seen.invalid++;
    }
  }
  assert(seen.valid > 0 && seen.invalid > 0, JSON.stringify(seen));
});

test("SM4-GCM refuses every single flipped bit, and every truncation", () => {
  const key = createSecretKey(randomBytes(16));
  const aad = Buffer.from("a");
  const message = { ...sealSm4Gcm({ key, plaintext: randomBytes(20), aad }), aad };
  for (const part of ["nonce", "aad", "box"] as const) {
    for (let bit = 0; bit < message[part].length * 8; bit++) {
      const altered = Buffer.from(message[part]);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => openSm4Gcm({ key, ...message, [part]: altered }), AuthenticationError);
    }
  }
  for (let length = 0; length < message.box.length; length++) {
    assert.throws(() => openSm4Gcm({ key, ...message, box: message.box.subarray(0, length) }), AuthenticationError);
  }
});

test("SM4-GCM draws a fresh nonce when none is given, and takes keys of 16 bytes only", () => {
  const key = createSecretKey(randomBytes(16));
  const input = { plaintext: Buffer.from("text"), aad: Buffer.alloc(0) };
  assert.notDeepEqual(sealSm4Gcm({ key, ...input }).nonce, sealSm4Gcm({ key, ...input }).nonce);
  const wrong = createSecretKey(randomBytes(32));
  assert.throws(() => sealSm4Gcm({ key: wrong, ...input }), RangeError);
  assert.throws(
    () => openSm4Gcm({ key: wrong, nonce: Buffer.alloc(12), box: Buffer.alloc(16), aad: input.aad }),
    RangeError,
  );
});
