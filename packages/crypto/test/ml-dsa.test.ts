import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";

import { ML_DSA_65, signMlDsa65, verifyMlDsa65 } from "../src/index.ts";

const { privateKey, publicKey } = generateKeyPairSync("ml-dsa-65");
const message = Buffer.from("message");

test("an ML-DSA-65 signature verifies for its own message and key, and for no other", () => {
  const signature = signMlDsa65({ privateKey, message });
  assert.equal(signature.length, ML_DSA_65.signatureBytes);
  assert(verifyMlDsa65({ publicKey, message, signature }));
  assert(!verifyMlDsa65({ publicKey, message: Buffer.from("other"), signature }));
  assert(!verifyMlDsa65({ publicKey, message, signature: signature.subarray(1) }));
  const other = generateKeyPairSync("ml-dsa-65").publicKey;
  assert(!verifyMlDsa65({ publicKey: other, message, signature }));
});

test("ML-DSA-65 signatures are OpenSSL's, with an empty context, and drawn anew", () => {
  const signature = signMlDsa65({ privateKey, message });
  assert(verify(null, message, publicKey, signature));
  assert(verifyMlDsa65({ publicKey, message, signature: sign(null, message, privateKey) }));
  assert.notDeepEqual(signMlDsa65({ privateKey, message }), signature);
});

test("ML-DSA-65 refuses keys of another parameter set", () => {
  const other = generateKeyPairSync("ml-dsa-44");
  assert.throws(() => signMlDsa65({ privateKey: other.privateKey, message }), RangeError);
  assert.throws(() => verifyMlDsa65({ publicKey: other.publicKey, message, signature: message }), RangeError);
});
