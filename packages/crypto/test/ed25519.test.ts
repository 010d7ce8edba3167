import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { signEd25519, verifyEd25519 } from "../src/index.ts";
import { hex } from "./hex.ts";

test("Ed25519 agrees with RFC 8032, section 7.1, test 3", () => {
  const seed = hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  const pkcs8 = Buffer.concat([hex("302e020100300506032b657004220420"), seed]);
  const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const message = hex("af82");
  const signature = signEd25519({ privateKey, message });
  const expected = hex(`6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
    18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a`);
  assert.deepEqual(signature, expected);
  assert(verifyEd25519({ publicKey: createPublicKey(privateKey), message, signature }));
});

test("an Ed25519 signature verifies for its own message and key, and for no other", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const message = Buffer.from("message");
  const signature = signEd25519({ privateKey, message });
  assert(verifyEd25519({ publicKey, message, signature }));
  assert(!verifyEd25519({ publicKey, message: Buffer.from("other"), signature }));
  assert(!verifyEd25519({ publicKey, message, signature: signature.subarray(1) }));
  assert(!verifyEd25519({ publicKey: generateKeyPairSync("ed25519").publicKey, message, signature }));
  const other = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  assert.throws(() => signEd25519({ privateKey: other.privateKey, message }), RangeError);
  assert.throws(() => verifyEd25519({ publicKey: other.publicKey, message, signature }), RangeError);
});
