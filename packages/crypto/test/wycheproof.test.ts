import assert from "node:assert/strict";
import { test } from "node:test";
import { wycheproofFiles } from "./wycheproof.ts";

/** Every file of vectors, by the tests that take all of it. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  "aes-gcm.test.ts": ["aes_gcm"],
  "aes-key-wrap.test.ts": ["aes_wrap", "aes_kwp"],
  "pkcs7.test.ts": ["aes_cbc_pkcs5"],
  "sm4-gcm.test.ts": ["sm4_gcm"],
  "mac.test.ts": ["hmac_sha1", "hmac_sha224", "hmac_sha256", "hmac_sha384", "hmac_sha512", "hmac_sm3"],
  "elliptic-curve.test.ts": ["ecdsa_secp256r1_sha256", "ecdsa_secp256k1_sha256", "ecdsa_secp256k1_sha256_bitcoin"],
  "rsa.test.ts": [
    "rsa_oaep_2048_sha1_mgf1sha1",
    ...[2048, 3072, 4096].flatMap((bits) => [
      `rsa_oaep_${bits}_sha256_mgf1sha1`,
      `rsa_oaep_${bits}_sha256_mgf1sha256`,
      `rsa_pkcs1_${bits}`,
      `rsa_pss_${bits}_sha256_mgf1_32`,
      `rsa_signature_${bits}_sha256`,
    ]),
  ],
};

test("no file of vectors is read by nobody", (t) => {
  const files = wycheproofFiles(t);
  if (files === undefined) return;
  const known = Object.values(READ_BY)
    .flat()
    .map((name) => `${name}_test.json`);
  assert.deepEqual(files.toSorted(), known.toSorted());
});
