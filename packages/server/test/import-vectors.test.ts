import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { CinnabarClient, ServiceError } from "@cinnabar/client";
import { IMPORT_WRAPPINGS, type ImportWrapping, wrapForImport } from "@cinnabar/crypto";
import { forEachDatabase } from "@cinnabar/testkit";
import { DestructionRig } from "./support/destruction-rig.ts";

/*
 * Vectors of Wycheproof through the API as a client calls it: the vector's key is imported, and the operation called. Of
 * RSA-OAEP these are all vectors of all files. Of HMAC they are all files but that of HMAC with SHA-1, which no key spec has,
 * and all vectors of each of some keys: most keys are there for one vector. `npm run test:slow` takes all keys.
 */

const folder = new URL("../../../../shared/vectors/wycheproof/", import.meta.url);
/** Keys of a file of HMAC that are imported, beside the one that most vectors have. */
const FURTHER_KEYS = 6;
// oxlint-disable-next-line no-restricted-properties -- only the environment says how much is tried
const TAKES_ALL_KEYS = process.env["CINNABAR_TEST_SLOW"] === "1";
/** Calls that are under way at once. */
const LANES = 8;

interface Vector extends Readonly<Record<string, unknown>> {
  readonly tcId: number;
  readonly result: "valid" | "acceptable" | "invalid";
}

interface Group extends Readonly<Record<string, unknown>> {
  readonly tests: readonly Vector[];
}

/** `undefined` where the vectors are not beside this clone, which under CI is an error. */
function read(t: TestContext, name: string): readonly Group[] | undefined {
  // oxlint-disable-next-line no-restricted-properties -- only the environment says whether this is a CI run
  if (!existsSync(folder) && process.env["CI"] === undefined) {
    t.skip("Wycheproof vectors are not beside this clone");
    return undefined;
  }
  return (JSON.parse(readFileSync(new URL(name, folder), "utf8")) as { testGroups: Group[] }).testGroups;
}

const hex = (vector: Vector | Group, field: string): Buffer => Buffer.from(String(vector[field]), "hex");

const MACS = [
  { spec: "HMAC_SHA_224", file: "hmac_sha224_test.json", bits: 224 },
  { spec: "HMAC_SHA_256", file: "hmac_sha256_test.json", bits: 256 },
  { spec: "HMAC_SHA_384", file: "hmac_sha384_test.json", bits: 384 },
  { spec: "HMAC_SHA_512", file: "hmac_sha512_test.json", bits: 512 },
  { spec: "HMAC_SM3", file: "hmac_sm3_test.json", bits: 256 },
] as const;

const SHA_256 = "RSAES_OAEP_SHA_256";
/** MGF1 takes the hash function of OAEP here: where the file has another one, nothing is decrypted. */
const OAEP = [
  { spec: "RSA_2048", file: "rsa_oaep_2048_sha1_mgf1sha1_test.json", algorithm: "RSAES_OAEP_SHA_1", isOurs: true },
  { spec: "RSA_2048", file: "rsa_oaep_2048_sha256_mgf1sha1_test.json", algorithm: SHA_256, isOurs: false },
  { spec: "RSA_2048", file: "rsa_oaep_2048_sha256_mgf1sha256_test.json", algorithm: SHA_256, isOurs: true },
  { spec: "RSA_3072", file: "rsa_oaep_3072_sha256_mgf1sha1_test.json", algorithm: SHA_256, isOurs: false },
  { spec: "RSA_3072", file: "rsa_oaep_3072_sha256_mgf1sha256_test.json", algorithm: SHA_256, isOurs: true },
  { spec: "RSA_4096", file: "rsa_oaep_4096_sha256_mgf1sha1_test.json", algorithm: SHA_256, isOurs: false },
  { spec: "RSA_4096", file: "rsa_oaep_4096_sha256_mgf1sha256_test.json", algorithm: SHA_256, isOurs: true },
] as const;

forEachDatabase((database) => {
  // The cryptography is the same on any.
  if (database.name !== "sqlite") return;

  test("codes and ciphertexts of others are taken with the keys of others, and wrong ones are not", async (t) => {
    await using rig = await DestructionRig.create(database);
    await rig.serve(async ({ url }) => {
      const client = new CinnabarClient({ endpoint: new URL(url), credentials: rig.owner });
      try {
        for (const { spec, file, bits } of MACS) {
          const groups = read(t, file);
          if (groups === undefined) return;
          const [whole, other] = [true, false].map((isWhole) =>
            groups.filter(({ keySize }) => (keySize === bits) === isWhole).flatMap(({ tests }) => tests),
          );
          await inLanes(byKey(whole ?? []), (vectors) => verifyCodes(client, { spec, vectors }));
          await refuseKey(client, { spec, vector: other?.[0] });
        }
        for (const { spec, file, algorithm, isOurs } of OAEP) {
          for (const group of read(t, file) ?? []) {
            await decryptAll(client, { spec, algorithm, isOurs, group });
          }
        }
      } finally {
        client.close();
      }
    });
  });
});

/** The vectors of the key that most have, and of some or all others, spread over the file. */
function byKey(vectors: readonly Vector[]): readonly (readonly Vector[])[] {
  const all = [...Map.groupBy(vectors, ({ key }) => key).values()].toSorted((a, b) => b.length - a.length);
  const [most, ...others] = all;
  assert.ok(most !== undefined && most.length > 100 && others.length >= FURTHER_KEYS);
  const every = TAKES_ALL_KEYS ? 1 : Math.floor(others.length / FURTHER_KEYS);
  return [most, ...others.filter((_, i) => i % every === 0)];
}

async function verifyCodes(
  client: CinnabarClient,
  { spec, vectors }: { readonly spec: string; readonly vectors: readonly Vector[] },
): Promise<void> {
  const [first] = vectors;
  if (first === undefined) return;
  const KeyId = await importKey(client, { KeySpec: spec }, { wrapping: "SM2PKE", material: hex(first, "key") });
  await inLanes(vectors, async (vector) => {
    const said = `${spec} ${vector.tcId}`;
    const Message = hex(vector, "msg").toString("base64");
    const tag = hex(vector, "tag");
    const parameters = { KeyId, Algorithm: spec, Message };
    const Mac = tag.toString("base64");
    // A message has to have a byte.
    if (Message === "") {
      assert.equal(await codeOf(client.call("VerifyMac", { ...parameters, Mac })), "MissingParameter", said);
      return;
    }
    const { Mac: made } = await client.call("GenerateMac", parameters);
    const whole = Buffer.from(String(made), "base64");
    assert.equal(whole.subarray(0, tag.length).equals(tag), vector.result === "valid", said);
    // A truncated code is none.
    const isCode = vector.result === "valid" && tag.length === whole.length;
    assert.equal((await client.call("VerifyMac", { ...parameters, Mac }))["Value"], isCode, said);
  });
}

/** Keys of another length than the spec's are not imported. */
async function refuseKey(
  client: CinnabarClient,
  { spec, vector }: { readonly spec: string; readonly vector: Vector | undefined },
): Promise<void> {
  assert.ok(vector !== undefined);
  const material = { wrapping: "SM2PKE", material: hex(vector, "key") } as const;
  assert.equal(await codeOf(importKey(client, { KeySpec: spec }, material)), "InvalidKeyMaterial", spec);
}

async function decryptAll(
  client: CinnabarClient,
  {
    spec,
    algorithm,
    isOurs,
    group,
  }: { readonly spec: string; readonly algorithm: string; readonly isOurs: boolean; readonly group: Group },
): Promise<void> {
  const wrapping = "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD";
  const kind = { KeySpec: spec, KeyUsage: "ENCRYPT/DECRYPT" };
  const KeyId = await importKey(client, kind, { wrapping, material: hex(group, "privateKeyPkcs8") });
  const { KeyVersions } = await client.call("ListKeyVersions", { KeyId });
  const [version] = (KeyVersions as { KeyVersion: { KeyVersionId: string }[] }).KeyVersion;
  const named = { KeyId, KeyVersionId: version?.KeyVersionId ?? "", Algorithm: algorithm };
  await inLanes(group.tests, async (vector) => {
    const CiphertextBlob = hex(vector, "ct").toString("base64");
    const said = `${spec} ${algorithm} ${vector.tcId}`;
    const decrypting = client.call("AsymmetricDecrypt", { ...named, CiphertextBlob });
    // Labels are empty here.
    if (vector.result === "valid" && isOurs && vector["label"] === "") {
      assert.equal((await decrypting)["Plaintext"], hex(vector, "msg").toString("base64"), said);
    } else assert.equal(await codeOf(decrypting), codeFor(CiphertextBlob), said);
  });
}

/** The code that a call is refused with; `undefined` if it is not. */
async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ServiceError, String(error));
    return error.code;
  }
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  const lane = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** What has no bytes is no ciphertext at all. */
function codeFor(CiphertextBlob: string): string {
  return CiphertextBlob === "" ? "MissingParameter" : "InvalidParameter";
}

async function importKey(
  client: CinnabarClient,
  kind: Readonly<Record<string, string>>,
  { wrapping, material }: { readonly wrapping: ImportWrapping; readonly material: Buffer },
): Promise<string> {
  const { KeyMetadata } = await client.call("CreateKey", { ...kind, Origin: "EXTERNAL" });
  const { KeyId } = KeyMetadata as { KeyId: string };
  const { PublicKey, ImportToken } = await client.call("GetParametersForImport", {
    KeyId,
    WrappingAlgorithm: wrapping,
    WrappingKeySpec: IMPORT_WRAPPINGS[wrapping].wrappingKeySpec,
  });
  const wrappingKey = Buffer.from(String(PublicKey), "base64");
  const EncryptedKeyMaterial = wrapForImport({ wrapping, wrappingKey, material }).toString("base64");
  await client.call("ImportKeyMaterial", { KeyId, EncryptedKeyMaterial, ImportToken: String(ImportToken) });
  return KeyId;
}
