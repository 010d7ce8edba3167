import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";

import { skipWithout } from "@cinnabar/testkit";

import {
  decryptRsaOaep,
  decryptRsaPkcs1,
  DecryptionError,
  encryptRsaOaep,
  encryptRsaPkcs1,
  maxOaepPlaintextBytes,
  type OaepHash,
  type RsaPadding,
  signRsa,
  verifyRsa,
} from "../src/index.ts";
import { OpenSsl } from "./openssl.ts";
import { sha256 } from "./sha256.ts";
import { groupKey, wycheproof } from "./wycheproof.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const digest = sha256(Buffer.from("message"));

const OAEP_FILES = [
  { bits: 2048, hash: "SHA_1", mgf: 1 },
  { bits: 2048, hash: "SHA_256", mgf: 1 },
  { bits: 2048, hash: "SHA_256", mgf: 256 },
  { bits: 3072, hash: "SHA_256", mgf: 1 },
  { bits: 3072, hash: "SHA_256", mgf: 256 },
  { bits: 4096, hash: "SHA_256", mgf: 1 },
  { bits: 4096, hash: "SHA_256", mgf: 256 },
] as const;

for (const { bits, hash, mgf } of OAEP_FILES) {
  const file = `rsa_oaep_${bits}_${hash.toLowerCase().replace("_", "")}_mgf1sha${mgf}_test.json`;
  // MGF1 takes the hash function of OAEP here, and the label is empty: what has others must be refused.
  const isOurs = hash === `SHA_${mgf}`;
  test(`RSA-OAEP agrees with ${file}, or refuses what is of another kind`, (t) => {
    const vectors = wycheproof(t, file) ?? [];
    const seen = vectors.map((vector) => {
      const what = `${vector.tcId}: ${vector.comment}`;
      const privateKey = groupKey(vector.group, "privateKeyPkcs8");
      const decrypt = () => decryptRsaOaep({ privateKey, hash, ciphertext: vector.bytes("ct") });
      if (vector.result === "valid" && isOurs && vector.bytes("label").length === 0) {
        assert.deepEqual(decrypt(), vector.bytes("msg"), what);
        return "decrypted";
      }
      assert.throws(decrypt, DecryptionError, what);
      return "refused";
    });
    if (vectors.length > 0) assert(seen.includes("refused") && seen.includes("decrypted") === isOurs);
  });
}

for (const bits of [2048, 3072, 4096]) {
  const file = `rsa_pkcs1_${bits}_test.json`;
  test(`RSAES-PKCS1-v1_5 agrees with ${file}, and never gives the plaintext of wrong padding`, (t) => {
    for (const vector of wycheproof(t, file) ?? []) {
      const what = `${vector.tcId}: ${vector.comment}`;
      const plaintext = vector.bytes("msg");
      const attempt = () =>
        decryptRsaPkcs1({
          privateKey: groupKey(vector.group, "privateKeyPkcs8"),
          ciphertext: vector.bytes("ct"),
          plaintextBytes: plaintext.length,
        });
      if (vector.result === "valid") {
        assert.deepEqual(attempt(), plaintext, what);
        continue;
      }
      try {
        // Rejected implicitly: other bytes, one time in some hundred of the right length.
        assert.notDeepEqual(attempt(), plaintext, what);
      } catch (error) {
        assert(error instanceof DecryptionError, what);
      }
    }
  });

  for (const [file, padding] of [
    [`rsa_pss_${bits}_sha256_mgf1_32_test.json`, "PSS"],
    [`rsa_signature_${bits}_sha256_test.json`, "PKCS1"],
  ] as const) {
    test(`RSA signatures agree with ${file}`, (t) => {
      for (const vector of wycheproof(t, file) ?? []) {
        const publicKey = groupKey(vector.group, "publicKeyDer");
        const digest = sha256(vector.bytes("msg"));
        const isValid = verifyRsa({ publicKey, padding, digest, signature: vector.bytes("sig") });
        // What is acceptable at best, a DigestInfo without its NULL, is not accepted.
        assert.equal(isValid, vector.result === "valid", `${vector.tcId}: ${vector.comment}`);
      }
    });
  }
}

test("an RSA signature verifies for its own digest, padding and key, and for no other", () => {
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
  for (const padding of ["PSS", "PKCS1"] as const) {
    const signature = signRsa({ privateKey, padding, digest });
    assert(verifyRsa({ publicKey, padding, digest, signature }));
    assert(!verifyRsa({ publicKey, padding: padding === "PSS" ? "PKCS1" : "PSS", digest, signature }));
    assert(!verifyRsa({ publicKey, padding, digest: sha256(digest), signature }));
    assert(!verifyRsa({ publicKey: other, padding, digest, signature }));
    assert(!verifyRsa({ publicKey, padding, digest, signature: signature.subarray(1) }));
    assert(!verifyRsa({ publicKey, padding, digest, signature: Buffer.concat([Buffer.alloc(1), signature]) }));
    assert(!verifyRsa({ publicKey, padding, digest, signature: Buffer.alloc(256, 0xff) }));
  }
});

test("RSASSA-PSS draws a salt for each signature, RSASSA-PKCS1-v1_5 gives the same one again", () => {
  const sign = (padding: RsaPadding) => signRsa({ privateKey, padding, digest });
  assert.notDeepEqual(sign("PSS"), sign("PSS"));
  assert.deepEqual(sign("PKCS1"), sign("PKCS1"));
});

test("RSA operations refuse keys of another kind and digests of another length", () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  for (const padding of ["PSS", "PKCS1"] as const) {
    assert.throws(() => signRsa({ privateKey: ec.privateKey, padding, digest }), RangeError);
    assert.throws(() => signRsa({ privateKey, padding, digest: digest.subarray(1) }), RangeError);
    const signature = Buffer.alloc(256);
    assert.throws(() => verifyRsa({ publicKey: ec.publicKey, padding, digest, signature }), RangeError);
    assert.throws(() => verifyRsa({ publicKey, padding, digest: Buffer.alloc(20), signature }), RangeError);
  }
});

test("RSA-OAEP takes as much as its published limits, and not a byte more", () => {
  const limits = [
    [2048, "SHA_256", 190],
    [2048, "SHA_1", 214],
    [3072, "SHA_256", 318],
    [3072, "SHA_1", 342],
  ] as const;
  for (const [bits, hash, limit] of limits) assert.equal(maxOaepPlaintextBytes(bits, hash), limit);
  for (const hash of ["SHA_1", "SHA_256"] as const) {
    const most = maxOaepPlaintextBytes(2048, hash);
    for (const length of [0, 1, most]) {
      const plaintext = randomBytes(length);
      const ciphertext = encryptRsaOaep({ publicKey, hash, plaintext });
      assert.deepEqual(decryptRsaOaep({ privateKey, hash, ciphertext }), plaintext);
    }
    assert.throws(() => encryptRsaOaep({ publicKey, hash, plaintext: Buffer.alloc(most + 1) }), RangeError);
  }
});

test("RSA-OAEP refuses a ciphertext of another hash function, another length, or altered", () => {
  const ciphertext = encryptRsaOaep({ publicKey, hash: "SHA_256", plaintext: digest });
  const refuses = (ciphertext: Buffer, hash: OaepHash = "SHA_256") =>
    assert.throws(() => decryptRsaOaep({ privateKey, hash, ciphertext }), DecryptionError);
  refuses(ciphertext, "SHA_1");
  refuses(ciphertext.subarray(1));
  refuses(Buffer.concat([Buffer.alloc(1), ciphertext]));
  refuses(Buffer.alloc(0));
  for (const bit of [0, 7, 1000, 2047]) {
    const altered = Buffer.from(ciphertext);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    refuses(altered);
  }
});

test("RSAES-PKCS1-v1_5 gives a plaintext of the length asked for, and rejects wrong padding the same way each time", () => {
  const plaintext = randomBytes(32);
  const ciphertext = encryptRsaPkcs1({ publicKey, plaintext });
  const decrypt = (ciphertext: Uint8Array, plaintextBytes: number) =>
    decryptRsaPkcs1({ privateKey, ciphertext, plaintextBytes });
  assert.deepEqual(decrypt(ciphertext, 32), plaintext);
  assert.throws(() => decrypt(ciphertext, 16), DecryptionError);
  assert.throws(() => decrypt(ciphertext.subarray(1), 32), DecryptionError);
  assert.throws(() => encryptRsaPkcs1({ publicKey, plaintext: Buffer.alloc(246) }), RangeError);

  const foreign = encryptRsaOaep({ publicKey, hash: "SHA_256", plaintext });
  const lengths = Array.from({ length: 246 }, (_, length) => length).filter((length) => {
    try {
      return decrypt(foreign, length).length === length;
    } catch (error) {
      assert(error instanceof DecryptionError);
      return false;
    }
  });
  assert.equal(lengths.length, 1, "a ciphertext that is none decrypts to bytes of exactly one length");
});

test("RSA agrees with the openssl command both ways", { skip: skipWithout("openssl") }, async () => {
  await using openssl = await OpenSsl.open();
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  const files = { "key.pem": Buffer.from(pem), digest };

  for (const [padding, options] of [
    ["PSS", "-pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32 -pkeyopt digest:sha256"],
    ["PKCS1", "-pkeyopt digest:sha256"],
  ] as const) {
    const theirs = await openssl.run(`pkeyutl -sign -inkey key.pem -in digest ${options} -out out`, files);
    assert(verifyRsa({ publicKey, padding, digest, signature: theirs }));
    const signature = signRsa({ privateKey, padding, digest });
    await openssl.run(`pkeyutl -verify -inkey key.pem -in digest -sigfile signature ${options}`, { signature });
  }
  for (const [hash, name] of [
    ["SHA_1", "sha1"],
    ["SHA_256", "sha256"],
  ] as const) {
    const options = `-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:${name} -pkeyopt rsa_mgf1_md:${name}`;
    const theirs = await openssl.run(`pkeyutl -encrypt -inkey key.pem -in digest ${options} -out out`, files);
    assert.deepEqual(decryptRsaOaep({ privateKey, hash, ciphertext: theirs }), digest);
    const ours = encryptRsaOaep({ publicKey, hash, plaintext: digest });
    assert.deepEqual(
      await openssl.run(`pkeyutl -decrypt -inkey key.pem -in ours ${options} -out out`, { ours }),
      digest,
    );
  }
});
