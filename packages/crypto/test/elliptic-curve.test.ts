import assert from "node:assert/strict";
import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from "node:crypto";
import { test } from "node:test";

import { skipWithout } from "@cinnabar/testkit";
import { p256 } from "@noble/curves/nist.js";

import { type EcCurve, EC_CURVES, KeyFormatError, signEcdsa, signEcdsaMessage, verifyEcdsa } from "../src/index.ts";
import { inverse, reduce, toBigInt, toBytes } from "../src/big-integer.ts";
import { derElement, derInteger, encodeDer } from "../src/der.ts";
import { encodeEcSpki } from "../src/ec-key.ts";
import { OpenSsl } from "./openssl.ts";
import { sha256 } from "./sha256.ts";
import { groupKey, wycheproof } from "./wycheproof.ts";

const CURVES = Object.keys(EC_CURVES) as EcCurve[];
const message = Buffer.from("message");

function digestOf(curve: EcCurve, message: Uint8Array): Buffer {
  return createHash(EC_CURVES[curve].hash).update(message).digest();
}

function assertLowerS(signature: Buffer): void {
  const s = signature.subarray(4 + signature.readUInt8(3) + 2);
  assert(s.length <= 32 && !(s.length === 32 && s.readUInt8(0) > 0x7f), s.toString("hex"));
}

for (const [file, curve] of [
  ["ecdsa_secp256r1_sha256_test.json", "EC_P256"],
  ["ecdsa_secp256k1_sha256_test.json", "EC_P256K"],
  ["ecdsa_secp256k1_sha256_bitcoin_test.json", "EC_P256K"],
] as const) {
  test(`ECDSA agrees with ${file}`, (t) => {
    const vectors = wycheproof(t, file) ?? [];
    for (const vector of vectors) {
      // Bitcoin takes only the lower s; ECDSA, and so this library, takes both.
      const isAboutTheHigherS = /signature malleability/i.test(vector.comment);
      const isValid = verifyEcdsa({
        curve,
        publicKey: groupKey(vector.group, "publicKeyDer"),
        digest: sha256(vector.bytes("msg")),
        signature: vector.bytes("sig"),
      });
      assert.equal(isValid, vector.result === "valid" || isAboutTheHigherS, `${vector.tcId}: ${vector.comment}`);
    }
  });
}

for (const curve of CURVES) {
  const { openssl, hash } = EC_CURVES[curve];
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: openssl });
  const digest = digestOf(curve, message);

  test(`${curve} signatures are what OpenSSL verifies, and the other way round`, () => {
    for (let i = 0; i < 5; i++) {
      const signature = signEcdsa({ curve, privateKey, digest });
      assert(verify(hash, message, publicKey, signature));
      assert(verifyEcdsa({ curve, publicKey, digest, signature: sign(hash, message, privateKey) }));
    }
  });

  test(`a signature on ${curve} verifies for its own digest and key, and for no other`, () => {
    const signature = signEcdsa({ curve, privateKey, digest });
    const other = generateKeyPairSync("ec", { namedCurve: openssl }).publicKey;
    assert(verifyEcdsa({ curve, publicKey, digest, signature }));
    assert(!verifyEcdsa({ curve, publicKey, digest: digestOf(curve, digest), signature }));
    assert(!verifyEcdsa({ curve, publicKey: other, digest, signature }));
    for (const altered of [
      signature.subarray(1),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.alloc(0),
      signature.map((byte, i) => (i === signature.length - 1 ? byte ^ 1 : byte)),
    ]) {
      assert(!verifyEcdsa({ curve, publicKey, digest, signature: altered }));
    }
  });

  test(`a message is signed on ${curve} as its digest is`, () => {
    for (let i = 0; i < 10; i++) {
      const signature = signEcdsaMessage({ curve, privateKey, message });
      assert(verify(hash, message, publicKey, signature));
      assert(verifyEcdsa({ curve, publicKey, digest, signature }));
      if (curve === "EC_P256K") assertLowerS(signature);
    }
  });

  test(`a key on another curve is refused as one on ${curve}`, () => {
    const other = generateKeyPairSync("ec", { namedCurve: curve === "EC_P256" ? "secp256k1" : "prime256v1" });
    const signature = signEcdsa({ curve, privateKey, digest });
    assert.throws(() => signEcdsa({ curve, privateKey: other.privateKey, digest }), KeyFormatError);
    assert.throws(() => signEcdsaMessage({ curve, privateKey: other.privateKey, message }), KeyFormatError);
    assert.throws(() => verifyEcdsa({ curve, publicKey: other.publicKey, digest, signature }), KeyFormatError);
  });

  test(`${curve} takes a digest of ${EC_CURVES[curve].digestBytes} bytes and no other`, () => {
    const short = digest.subarray(1);
    assert.throws(() => signEcdsa({ curve, privateKey, digest: short }), RangeError);
    assert.throws(() => verifyEcdsa({ curve, publicKey, digest: short, signature: Buffer.alloc(8) }), RangeError);
  });

  test(`${curve} signs and verifies digests that are zero, all ones, and those that verification itself works with`, () => {
    const { digestBytes } = EC_CURVES[curve];
    const edges = [Buffer.alloc(digestBytes), Buffer.alloc(digestBytes, 0xff)];
    for (const digest of [...edges, digestOf(curve, Buffer.of()), digestOf(curve, Buffer.of(0))]) {
      const signature = signEcdsa({ curve, privateKey, digest });
      assert(verifyEcdsa({ curve, publicKey, digest, signature }));
    }
  });
}

test("ECDSA verifies where the first fixed message would move the key to the point at infinity", () => {
  const curve = "EC_P256";
  const n = p256.Point.Fn.ORDER;
  const [ephemeral, ecdh] = [createECDH("prime256v1"), createECDH("prime256v1")];
  const h = toBigInt(digestOf(curve, Buffer.of()));
  const r = reduce(toBigInt(ephemeral.generateKeys().subarray(1, 33)), n);
  const point = ecdh.generateKeys();
  const digest = toBytes(reduce(h - r * toBigInt(ecdh.getPrivateKey()), n), 32);
  // From s = (digest + r * private key) / nonce.
  const s = reduce(h * inverse(toBigInt(ephemeral.getPrivateKey()), n), n);
  const signature = encodeDer(derElement(0x30, derInteger(toBytes(r, 32)), derInteger(toBytes(s, 32))));
  const publicKey = createPublicKey({ key: encodeEcSpki(point, EC_CURVES[curve]), format: "der", type: "spki" });
  assert(verifyEcdsa({ curve, publicKey, digest, signature }));
  assert(!verifyEcdsa({ curve, publicKey, digest: sha256(digest), signature }));
});

test("an ECDSA signature draws its nonce anew", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const digest = digestOf("EC_P256", message);
  const sign = () => signEcdsa({ curve: "EC_P256", privateKey, digest });
  // DER puts r first.
  assert.notDeepEqual(sign().subarray(0, 36), sign().subarray(0, 36));
});

test("an ECDSA signature on secp256k1 has the lower s", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  for (let i = 0; i < 20; i++) {
    const signature = signEcdsa({ curve: "EC_P256K", privateKey, digest: sha256(Buffer.of(i)) });
    assertLowerS(signature);
  }
});

test("ECDSA agrees with the openssl command both ways", { skip: skipWithout("openssl") }, async () => {
  await using openssl = await OpenSsl.open();
  for (const curve of CURVES) {
    const { openssl: name } = EC_CURVES[curve];
    const pem = await openssl.run(`genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${name} -out out`);
    const digest = digestOf(curve, message);
    const files = { "key.pem": pem, digest };
    const theirs = await openssl.run("pkeyutl -sign -inkey key.pem -in digest -out out", files);
    assert(verifyEcdsa({ curve, publicKey: createPublicKey(pem), digest, signature: theirs }));
    const signature = signEcdsa({ curve, privateKey: createPrivateKey(pem), digest });
    await openssl.run("pkeyutl -verify -inkey key.pem -in digest -sigfile signature", { signature });
  }
});
