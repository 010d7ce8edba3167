import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { test } from "node:test";

import { skipWithout } from "@cinnabar/testkit";

import { generateKeyPair, KeyFormatError, type KeyPairSpec, parsePrivateKey, parsePublicKey } from "../src/index.ts";
import { derElement, derInteger, encodeDer } from "../src/der.ts";
import { OpenSsl } from "./openssl.ts";

const SMALL = ["EC_P256", "EC_P256K", "EC_P384", "EC_P521", "EC_SM2", "ED25519", "ML_DSA_65"] as const;
const SPECS = [...SMALL, "RSA_2048"] as const;
const pairs = new Map(SPECS.map((spec) => [spec, generateKeyPair(spec)] as const));

function pairOf(spec: KeyPairSpec) {
  const pair = pairs.get(spec as (typeof SPECS)[number]);
  assert(pair !== undefined);
  return pair;
}

const refusesPrivate = (spec: KeyPairSpec, der: Uint8Array, message?: RegExp) =>
  assert.throws(
    () => parsePrivateKey(spec, der),
    (error) => error instanceof KeyFormatError && (message === undefined || message.test(error.message)),
  );
const refusesPublic = (spec: KeyPairSpec, der: Uint8Array, message = /./) =>
  assert.throws(
    () => parsePublicKey(spec, der),
    (error) => error instanceof KeyFormatError && message.test(error.message),
  );

for (const spec of SPECS) {
  const { privateKey, publicKey } = pairOf(spec);

  test(`a key made as ${spec} is read as what it is`, () => {
    assert.deepEqual(parsePrivateKey(spec, privateKey), { privateKey, publicKey });
    assert.deepEqual(parsePublicKey(spec, publicKey), publicKey);
  });

  test(`a key of ${spec} is no key of another spec`, () => {
    for (const other of [...SPECS, "RSA_3072", "RSA_4096"] as const) {
      if (other === spec) continue;
      refusesPrivate(other, privateKey);
      refusesPublic(other, publicKey);
    }
  });

  test(`a key of ${spec} is refused with bytes behind it, cut short, or as the other half of its pair`, () => {
    for (const tail of [Buffer.alloc(1), privateKey]) {
      refusesPrivate(spec, Buffer.concat([privateKey, tail]), /bytes behind/);
      refusesPublic(spec, Buffer.concat([publicKey, tail]), /bytes behind/);
    }
    for (const length of [0, 1, 2, 10, privateKey.length - 1]) refusesPrivate(spec, privateKey.subarray(0, length));
    for (const length of [0, 1, 2, 10, publicKey.length - 1]) refusesPublic(spec, publicKey.subarray(0, length));
    refusesPrivate(spec, publicKey);
    refusesPublic(spec, privateKey);
  });
}

test("RSA keys are made in the size asked for, with the exponent 65537", () => {
  const { publicKey } = generateKeyPair("RSA_3072");
  const { asymmetricKeyDetails } = createPublicKey({ key: publicKey, format: "der", type: "spki" });
  assert.deepEqual(asymmetricKeyDetails, { modulusLength: 3072, publicExponent: 65537n });
});

test("an RSA key of another size, or of a small exponent, is refused", () => {
  for (const [modulusLength, publicExponent, message] of [
    [2040, 65537, /has 2040 bits, not 2048/],
    [2048, 3, /exponent/],
  ] as const) {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength,
      publicExponent,
      privateKeyEncoding: { type: "pkcs8", format: "der" },
      publicKeyEncoding: { type: "spki", format: "der" },
    });
    refusesPrivate("RSA_2048", privateKey, message);
    refusesPublic("RSA_2048", publicKey, message);
  }
});

test("an RSA key is refused if any of its numbers is another", () => {
  const { privateKey, publicKey } = pairOf("RSA_2048");
  const other = generateKeyPair("RSA_2048").privateKey;
  const jwkOf = (der: Buffer) => createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "jwk" });
  const [numbers, others] = [jwkOf(privateKey), jwkOf(other)];
  assert.deepEqual(parsePrivateKey("RSA_2048", pkcs8Of(numbers)).publicKey, publicKey);
  for (const name of ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const) {
    const replaced = {
      ...numbers,
      [name]: name === "e" ? Buffer.from("010003", "hex").toString("base64url") : others[name]!,
    };
    refusesPrivate("RSA_2048", pkcs8Of(replaced), /do not belong together/);
  }
  refusesPrivate("RSA_2048", pkcs8Of({ ...numbers, p: numbers.q!, q: numbers.p! }), /do not belong together/);
});

/** PKCS #8 of these numbers, whatever they are. */
function pkcs8Of(jwk: JsonWebKey): Buffer {
  const numbers = (["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const).map((name) =>
    derInteger(Buffer.from(jwk[name]!, "base64url")),
  );
  const algorithm = Buffer.from("300d06092a864886f70d0101010500", "hex");
  const key = encodeDer(derElement(0x30, derInteger(Buffer.of(0)), ...numbers));
  return encodeDer(derElement(0x30, derInteger(Buffer.of(0)), algorithm, derElement(0x04, key)));
}

test("an EC key whose point is another key's is refused, and one without a point is taken", () => {
  for (const spec of ["EC_P256", "EC_SM2"] as const) {
    const { privateKey, publicKey } = pairOf(spec);
    const other = generateKeyPair(spec).publicKey;
    const mixed = Buffer.concat([privateKey.subarray(0, -64), other.subarray(-64)]);
    refusesPrivate(spec, mixed, /not that of the private key/);

    const curve = publicKey.subarray(2, 23);
    const inner = derElement(0x30, derInteger(Buffer.of(1)), derElement(0x04, privateKey.subarray(36, 68)));
    const bare = encodeDer(derElement(0x30, derInteger(Buffer.of(0)), curve, derElement(0x04, encodeDer(inner))));
    assert.deepEqual(parsePrivateKey(spec, bare), { privateKey, publicKey });
  }
});

test("an EC key with explicit curve parameters is refused", { skip: skipWithout("openssl") }, async () => {
  await using openssl = await OpenSsl.open();
  const pem = await openssl.run(
    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -pkeyopt ec_param_enc:explicit -out out",
  );
  const der = await openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out out", { "key.pem": pem });
  refusesPrivate("EC_P256", der, /name its curve/);
  refusesPublic("EC_P256", await openssl.run("pkey -in key.pem -pubout -outform DER -out out"), /name its curve/);
});

test("a private scalar of zero, or of the order of the curve and above, is refused", () => {
  const { privateKey } = pairOf("EC_P256");
  for (const fill of [0, 0xff]) {
    refusesPrivate("EC_P256", Buffer.from(privateKey).fill(fill, 36, 68), /order of the curve|not that of/);
  }
});

test("a point that is not on the curve is refused", () => {
  for (const spec of ["EC_P256", "EC_P384", "EC_SM2"] as const) {
    const altered = Buffer.from(pairOf(spec).publicKey);
    altered[altered.length - 1]! ^= 1;
    refusesPublic(spec, altered);
  }
});

test("a key that is encrypted with a password is refused in so many words", () => {
  const encrypted = createPrivateKey({ key: pairOf("EC_P256").privateKey, format: "der", type: "pkcs8" }).export({
    format: "der",
    type: "pkcs8",
    cipher: "aes-256-cbc",
    passphrase: "secret",
  });
  refusesPrivate("EC_P256", encrypted, /encrypted with a password/);
});

test("an Ed25519 key that names another public key is refused", () => {
  const { privateKey, publicKey } = pairOf("ED25519");
  const named = (bytes: Uint8Array) =>
    encodeDer(
      derElement(0x30, derInteger(Buffer.of(1)), privateKey.subarray(5), derElement(0x81, Buffer.alloc(1), bytes)),
    );
  const own = publicKey.subarray(-32);
  assert.deepEqual(parsePrivateKey("ED25519", named(own)).publicKey, publicKey);
  const other = generateKeyPair("ED25519").publicKey.subarray(-32);
  refusesPrivate("ED25519", named(other), /not that of the private key/);
});

test("an ML-DSA-65 key whose seed and numbers are of different keys is refused", (t) => {
  const [one, other] = [pairOf("ML_DSA_65").privateKey, generateKeyPair("ML_DSA_65").privateKey];
  // RFC 9881, section 6: a seed of 32 bytes, or that and the 4032 bytes that follow from it.
  const expandedBytes = 4032;
  if (one.length < expandedBytes) {
    t.skip("this OpenSSL writes the seed alone");
    return;
  }
  const mixed = Buffer.concat([one.subarray(0, -expandedBytes), other.subarray(-expandedBytes)]);
  refusesPrivate("ML_DSA_65", mixed);
});

test("keys of the openssl command are read, and it reads ours", { skip: skipWithout("openssl") }, async () => {
  await using openssl = await OpenSsl.open();
  for (const [spec, options] of [
    ["EC_P256K", "EC -pkeyopt ec_paramgen_curve:secp256k1"],
    ["EC_SM2", "SM2"],
    ["ED25519", "ED25519"],
  ] as const) {
    const pem = await openssl.run(`genpkey -quiet -algorithm ${options} -out out`);
    const pkcs8 = await openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out out", { "key.pem": pem });
    const spki = await openssl.run("pkey -in key.pem -pubout -outform DER -out out");
    assert.deepEqual(parsePrivateKey(spec, pkcs8), { privateKey: pkcs8, publicKey: spki });
    assert.deepEqual(parsePublicKey(spec, spki), spki);
    const { privateKey, publicKey } = pairOf(spec);
    const theirs = await openssl.run("pkey -in ours -inform DER -pubout -outform DER -out out", { ours: privateKey });
    assert.deepEqual(theirs, publicKey);
  }
});
