import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { Sm2PrivateKey } from "@cinnabar/crypto";
import { forEachDatabase, skipWithout } from "@cinnabar/testkit";
import * as asn1js from "asn1js";
import { wrapMaterial } from "./support/import-material.ts";
import { OpenSsl } from "./support/openssl.ts";
import { TwoAccounts } from "./support/two-accounts.ts";

/*
 * Signatures and ciphertexts, both ways between the API and the openssl command: with keys that are made here, and with keys that
 * openssl has made and are imported. Nothing is tried here of ML_DSA_65, which openssl has from version 3.5 on.
 */

interface NamedVersion {
  readonly KeyId: string;
  readonly KeyVersionId: string;
}

interface Kind {
  readonly KeySpec: string;
  readonly KeyUsage: "SIGN/VERIFY" | "ENCRYPT/DECRYPT";
  /** What openssl makes such a key of. */
  readonly genpkey: string;
}

interface Scheme {
  readonly Algorithm: string;
  /** The hash function of the digest that is signed; without it the message is. */
  readonly hash?: string;
  /** What the command takes besides. */
  readonly options?: string;
}

const RSA = { KeySpec: "RSA_2048", genpkey: "RSA -pkeyopt rsa_keygen_bits:2048" } as const;
const SM2 = { KeySpec: "EC_SM2", genpkey: "SM2" } as const;
const onCurve = (name: string) => `EC -pkeyopt ec_paramgen_curve:${name}`;
const sha256 = { Algorithm: "ECDSA_SHA_256", hash: "sha256" } as const;

const SIGNING: readonly (Omit<Kind, "KeyUsage"> & { readonly schemes: readonly Scheme[] })[] = [
  {
    ...RSA,
    schemes: [
      { Algorithm: "RSA_PKCS1_SHA_256", hash: "sha256" },
      {
        Algorithm: "RSA_PSS_SHA_256",
        hash: "sha256",
        options: " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1",
      },
    ],
  },
  { KeySpec: "EC_P256", genpkey: onCurve("P-256"), schemes: [sha256] },
  { KeySpec: "EC_P256K", genpkey: onCurve("secp256k1"), schemes: [sha256] },
  { KeySpec: "EC_P384", genpkey: onCurve("P-384"), schemes: [{ Algorithm: "ECDSA_SHA_384", hash: "sha384" }] },
  { KeySpec: "EC_P521", genpkey: onCurve("P-521"), schemes: [{ Algorithm: "ECDSA_SHA_512", hash: "sha512" }] },
  // With the user id that everybody uses.
  { ...SM2, schemes: [{ Algorithm: "SM2DSA", options: " -digest sm3 -pkeyopt distid:1234567812345678" }] },
  { KeySpec: "ED25519", genpkey: "ED25519", schemes: [{ Algorithm: "ED25519" }] },
];

const ENCRYPTING: typeof SIGNING = [
  {
    ...RSA,
    schemes: [
      { Algorithm: "RSAES_OAEP_SHA_1", options: " -pkeyopt rsa_padding_mode:oaep" },
      { Algorithm: "RSAES_OAEP_SHA_256", options: " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256" },
    ],
  },
  { ...SM2, schemes: [{ Algorithm: "SM2PKE" }] },
];

const skip = skipWithout("openssl");

forEachDatabase((database) => {
  // The cryptography is the same on any database.
  if (database.name !== "sqlite") return;

  let world: TwoAccounts;
  let openssl: OpenSsl;
  before(async () => {
    world = await TwoAccounts.start(database);
    openssl = await OpenSsl.open();
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    await openssl[Symbol.asyncDispose]();
  });

  async function createKey({ KeySpec, KeyUsage }: Kind, Origin: string): Promise<NamedVersion> {
    const { one } = world;
    const made = await one.call<{ KeyMetadata: NamedVersion }>("CreateKey", { KeySpec, KeyUsage, Origin });
    const { KeyId } = made.KeyMetadata;
    const { KeyVersions } = await one.call<{ KeyVersions: { KeyVersion: NamedVersion[] } }>("ListKeyVersions", {
      KeyId,
    });
    return { KeyId, KeyVersionId: KeyVersions.KeyVersion[0]?.KeyVersionId ?? "" };
  }

  /** Has openssl make a private key, which it finds as `private.pem` from now on, and imports it. */
  async function importKey(kind: Kind): Promise<NamedVersion> {
    const pem = (await openssl.run(`genpkey -algorithm ${kind.genpkey} -out out`)).toString();
    await openssl.run("version", { "private.pem": pem });
    const pkcs8 = Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ""), "base64");
    const isSm2 = kind.KeySpec === "EC_SM2";
    const wrapping = isSm2 ? "SM2PKE_SM4_ECB" : "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD";
    const material = isSm2 ? Sm2PrivateKey.fromPkcs8(pkcs8).toScalar() : pkcs8;
    const version = await createKey(kind, "EXTERNAL");
    const { one } = world;
    await one.call("ImportKeyMaterial", await wrapMaterial(one, { keyId: version.KeyId, wrapping, material }));
    return version;
  }

  /** What openssl finds of a key as `public.pem`. */
  async function publicKey(version: NamedVersion): Promise<string> {
    return (await world.one.call<{ PublicKey: string }>("GetPublicKey", { ...version })).PublicKey;
  }

  /** The parameters of AsymmetricSign and AsymmetricVerify. */
  function signed(version: NamedVersion, { Algorithm, hash }: Scheme, message: Buffer): Record<string, string> {
    const what =
      hash === undefined
        ? { MessageType: "RAW", Message: message.toString("base64") }
        : { Digest: createHash(hash).update(message).digest("base64") };
    return { ...version, Algorithm, ...what };
  }

  async function assertVerifiedByOpenssl(version: NamedVersion, scheme: Scheme): Promise<void> {
    const message = randomBytes(1000);
    const { Value } = await world.one.call<{ Value: string }>("AsymmetricSign", signed(version, scheme, message));
    const files = { "public.pem": await publicKey(version), message, signature: Buffer.from(Value, "base64") };
    const { hash, options = "" } = scheme;
    const command =
      hash === undefined
        ? `pkeyutl -verify -pubin -inkey public.pem -rawin${options} -in message -sigfile signature`
        : `dgst -${hash} -verify public.pem -signature signature${options} message`;
    const said = await openssl.run(command, files);
    assert.match(said.toString(), /^(?:Verified OK|Signature Verified Successfully)\n$/);
    message.writeUInt8(message.readUInt8(0) ^ 1, 0);
    await assert.rejects(openssl.run(command, { message }));
  }

  async function assertVerifiesOpenssl(version: NamedVersion, scheme: Scheme): Promise<void> {
    const message = randomBytes(1000);
    const { hash, options = "" } = scheme;
    const command =
      hash === undefined
        ? `pkeyutl -sign -inkey private.pem -rawin${options} -in message -out out`
        : `dgst -${hash} -sign private.pem${options} -out out message`;
    const Value = (await openssl.run(command, { message })).toString("base64");
    const verifies = async () => {
      const parameters = { ...signed(version, scheme, message), Value };
      return (await world.one.call<{ Value: boolean }>("AsymmetricVerify", parameters)).Value;
    };
    assert.equal(await verifies(), true);
    message.writeUInt8(message.readUInt8(0) ^ 1, 0);
    assert.equal(await verifies(), false);
  }

  async function assertDecryptsOpenssl(version: NamedVersion, { Algorithm, options = "" }: Scheme): Promise<void> {
    const plaintext = randomBytes(100);
    const ciphertext = await openssl.run(`pkeyutl -encrypt -pubin -inkey public.pem${options} -in plaintext -out out`, {
      "public.pem": await publicKey(version),
      plaintext,
    });
    const CiphertextBlob = ciphertext.toString("base64");
    const { Plaintext } = await world.one.call<{ Plaintext: string }>("AsymmetricDecrypt", {
      ...version,
      Algorithm,
      CiphertextBlob,
    });
    assert.equal(Plaintext, plaintext.toString("base64"));
  }

  async function assertDecryptedByOpenssl(version: NamedVersion, { Algorithm, options = "" }: Scheme): Promise<void> {
    const plaintext = randomBytes(100);
    const { CiphertextBlob } = await world.one.call<{ CiphertextBlob: string }>("AsymmetricEncrypt", {
      ...version,
      Algorithm,
      Plaintext: plaintext.toString("base64"),
    });
    const ciphertext = Buffer.from(CiphertextBlob, "base64");
    const decrypted = await openssl.run(`pkeyutl -decrypt -inkey private.pem${options} -in ciphertext -out out`, {
      ciphertext: Algorithm === "SM2PKE" ? toDer(ciphertext) : ciphertext,
    });
    assert.deepEqual(decrypted, plaintext);
  }

  for (const { schemes, ...made } of SIGNING) {
    test(`openssl and a key of ${made.KeySpec} verify each other's signatures`, { skip }, async () => {
      const kind: Kind = { ...made, KeyUsage: "SIGN/VERIFY" };
      const [own, imported] = [await createKey(kind, "Aliyun_KMS"), await importKey(kind)];
      for (const scheme of schemes) {
        await assertVerifiedByOpenssl(own, scheme);
        await assertVerifiedByOpenssl(imported, scheme);
        await assertVerifiesOpenssl(imported, scheme);
      }
    });
  }

  for (const { schemes, ...made } of ENCRYPTING) {
    test(`openssl and a key of ${made.KeySpec} decrypt each other's ciphertexts`, { skip }, async () => {
      const kind: Kind = { ...made, KeyUsage: "ENCRYPT/DECRYPT" };
      const [own, imported] = [await createKey(kind, "Aliyun_KMS"), await importKey(kind)];
      for (const scheme of schemes) {
        await assertDecryptsOpenssl(own, scheme);
        await assertDecryptsOpenssl(imported, scheme);
        await assertDecryptedByOpenssl(imported, scheme);
      }
    });
  }
});

/** A ciphertext of SM2, 04 ‖ C1 ‖ C3 ‖ C2, as openssl takes it: a sequence of the coordinates of C1, C3 and C2. */
function toDer(ciphertext: Buffer): Buffer {
  const part = (start: number, end?: number) => ciphertext.subarray(start, end);
  const integer = (bytes: Buffer) => asn1js.Integer.fromBigInt(BigInt(`0x${bytes.toString("hex")}`));
  const octets = (bytes: Buffer) => new asn1js.OctetString({ valueHex: new Uint8Array(bytes) });
  const value = [integer(part(1, 33)), integer(part(33, 65)), octets(part(65, 97)), octets(part(97))];
  return Buffer.from(new asn1js.Sequence({ value }).toBER());
}
