import assert from "node:assert/strict";
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import { test } from "node:test";

import { skipWithout } from "@cinnabar/testkit";

import {
  DecryptionError,
  generateKeyPair,
  IMPORT_WRAPPINGS,
  type ImportWrapping,
  KeyFormatError,
  parsePrivateKey,
  Sm2PrivateKey,
  Sm2PublicKey,
  unwrapForImport,
  wrapForImport,
} from "../src/index.ts";
import { OpenSsl } from "./openssl.ts";

const WRAPPINGS = Object.keys(IMPORT_WRAPPINGS) as ImportWrapping[];
const wrappingKeys = { RSA_2048: generateKeyPair("RSA_2048"), EC_SM2: generateKeyPair("EC_SM2") };
const materials = {
  raw: randomBytes(32),
  pkcs8: generateKeyPair("EC_P256").privateKey,
  scalar: Buffer.concat([Buffer.of(1), randomBytes(31)]),
};

function wrappingKeyOf(wrapping: ImportWrapping) {
  return wrappingKeys[IMPORT_WRAPPINGS[wrapping].wrappingKeySpec];
}

function materialOf(wrapping: ImportWrapping): Buffer {
  return materials[IMPORT_WRAPPINGS[wrapping].carries];
}

const wrap = (wrapping: ImportWrapping, material: Uint8Array) =>
  wrapForImport({ wrapping, wrappingKey: wrappingKeyOf(wrapping).publicKey, material });
const unwrap = (wrapping: ImportWrapping, wrapped: Uint8Array, materialBytes = 32) =>
  unwrapForImport({ wrapping, wrappingKey: wrappingKeyOf(wrapping).privateKey, wrapped, materialBytes });
const refuses = (wrapping: ImportWrapping, wrapped: Uint8Array, materialBytes = 32) =>
  assert.throws(() => unwrap(wrapping, wrapped, materialBytes), DecryptionError, `${wrapping} ${wrapped.length}`);

for (const wrapping of WRAPPINGS) {
  const material = materialOf(wrapping);

  test(`${wrapping} unwraps what it wrapped`, () => {
    assert.deepEqual(unwrap(wrapping, wrap(wrapping, material)), material);
    if (IMPORT_WRAPPINGS[wrapping].carries === "raw") {
      assert.deepEqual(unwrap(wrapping, wrap(wrapping, material.subarray(16)), 16), material.subarray(16));
    }
  });

  test(`${wrapping} refuses what is cut short, lengthened, or empty`, () => {
    const wrapped = wrap(wrapping, material);
    for (const length of [0, 1, 16, 32, 97, 98, 255, 256, 257, 272, wrapped.length - 1]) {
      if (length < wrapped.length) refuses(wrapping, wrapped.subarray(0, length));
    }
    refuses(wrapping, Buffer.concat([wrapped, Buffer.alloc(1)]));
  });

  test(`${wrapping} refuses wrapping keys of the other kind`, () => {
    const { wrappingKeySpec } = IMPORT_WRAPPINGS[wrapping];
    const { publicKey } = wrappingKeys[wrappingKeySpec === "RSA_2048" ? "EC_SM2" : "RSA_2048"];
    assert.throws(() => wrapForImport({ wrapping, wrappingKey: publicKey, material }), KeyFormatError);
  });

  test(`${wrapping} refuses an altered ciphertext, or gives other material`, () => {
    const wrapped = wrap(wrapping, material);
    for (const at of [0, 5, 70, 100, wrapped.length - 1]) {
      const altered = Buffer.from(wrapped);
      altered[at]! ^= 1;
      try {
        assert.notDeepEqual(unwrap(wrapping, altered), material);
      } catch (error) {
        assert(error instanceof DecryptionError, String(error));
      }
    }
  });
}

test("raw material of another length is refused, whatever the form", () => {
  for (const wrapping of WRAPPINGS) {
    if (IMPORT_WRAPPINGS[wrapping].carries !== "raw") continue;
    for (const length of [16, 31, 33]) refuses(wrapping, wrap(wrapping, randomBytes(length)));
  }
});

test("the two-stage forms refuse a key of the first stage that is of another length", () => {
  const rsa = createPublicKey({ key: wrappingKeys.RSA_2048.publicKey, format: "der", type: "spki" });
  const first = publicEncrypt(
    { key: rsa, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" },
    randomBytes(16),
  );
  refuses("RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD", Buffer.concat([first, randomBytes(160)]));
  const sm2 = Sm2PublicKey.fromSpki(wrappingKeys.EC_SM2.publicKey);
  refuses("SM2PKE_SM4_ECB", Buffer.concat([sm2.encrypt(randomBytes(32), "raw"), randomBytes(32)]));
});

test("the two-stage form of RSA refuses padding that is not PKCS #7", () => {
  const rsa = createPublicKey({ key: wrappingKeys.RSA_2048.publicKey, format: "der", type: "spki" });
  const key = randomBytes(32);
  const first = publicEncrypt({ key: rsa, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, key);
  const second = (blocks: Buffer) => {
    const cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
    return Buffer.concat([first, cipher.update(blocks)]);
  };
  const wrapping = "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD";
  assert.deepEqual(unwrap(wrapping, second(Buffer.alloc(16, 16))), Buffer.alloc(0));
  for (const last of [0, 17, 255, 2]) refuses(wrapping, second(Buffer.concat([Buffer.alloc(15), Buffer.of(last)])));
});

test("SM2 parts of an import may also be DER, as other libraries write them", () => {
  const sm2 = Sm2PublicKey.fromSpki(wrappingKeys.EC_SM2.publicKey);
  assert.deepEqual(unwrap("SM2PKE", sm2.encrypt(materials.raw, "der")), materials.raw);
  const key = randomBytes(16);
  const second = createCipheriv("sm4-ecb", key, null).setAutoPadding(false).update(materials.scalar);
  assert.deepEqual(unwrap("SM2PKE_SM4_ECB", Buffer.concat([sm2.encrypt(key, "der"), second])), materials.scalar);
});

test("SM2PKE_SM4_ECB carries 32 bytes and nothing else", () => {
  for (const length of [0, 31, 33]) assert.throws(() => wrap("SM2PKE_SM4_ECB", randomBytes(length)), RangeError);
});

test("material that the openssl command wrapped unwraps", { skip: skipWithout("openssl") }, async () => {
  await using openssl = await OpenSsl.open();
  const files = { spki: wrappingKeys.RSA_2048.publicKey, sm2: wrappingKeys.EC_SM2.publicKey, raw: materials.raw };
  const rsa = "pkeyutl -encrypt -pubin -inkey spki -keyform DER";
  const oaep = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md";
  for (const [wrapping, command] of [
    ["RSAES_PKCS1_V1_5", rsa],
    ["RSAES_OAEP_SHA_1", `${rsa} ${oaep}:sha1`],
    ["RSAES_OAEP_SHA_256", `${rsa} ${oaep}:sha256`],
    ["SM2PKE", "pkeyutl -encrypt -pubin -inkey sm2 -keyform DER"],
  ] as const) {
    const wrapped = await openssl.run(`${command} -in raw -out out`, files);
    assert.deepEqual(unwrap(wrapping, wrapped), materials.raw);
  }

  // Both stages by hand, as a user without our command would.
  const key = randomBytes(32);
  const pkcs8 = materials.pkcs8;
  const first = await openssl.run(`${rsa} ${oaep}:sha256 -in key -out out`, { key, pkcs8 });
  const second = await openssl.run(`enc -aes-256-ecb -K ${key.toString("hex")} -in pkcs8 -out out`);
  const unwrapped = unwrap("RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD", Buffer.concat([first, second]));
  assert.deepEqual(unwrapped, pkcs8);
  assert.deepEqual(parsePrivateKey("EC_P256", unwrapped).privateKey, pkcs8);

  const sm4 = randomBytes(16);
  const { scalar } = materials;
  const wrapped = await openssl.run("pkeyutl -encrypt -pubin -inkey sm2 -keyform DER -in sm4 -out out", {
    sm4,
    scalar,
  });
  const blocks = await openssl.run(`enc -sm4-ecb -nopad -K ${sm4.toString("hex")} -in scalar -out out`);
  const unwrappedScalar = unwrap("SM2PKE_SM4_ECB", Buffer.concat([wrapped, blocks]));
  assert.deepEqual(unwrappedScalar, scalar);
  using imported = Sm2PrivateKey.fromScalar(unwrappedScalar);
  assert.deepEqual(parsePrivateKey("EC_SM2", imported.toPkcs8()), {
    privateKey: imported.toPkcs8(),
    publicKey: imported.publicKey.toSpki(),
  });
});
