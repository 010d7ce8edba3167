import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { CinnabarClient, ServiceError } from "@cinnabar/client";
import { IMPORT_WRAPPINGS, type ImportWrapping, wrapForImport } from "@cinnabar/crypto";
import { forEachDatabase } from "@cinnabar/testkit";
import { DestructionRig } from "./support/destruction-rig.ts";

/*
 * Vectors of Wycheproof through the API as a client calls it: the vector's key is imported, and the operation called. The
 * library has all of them; here some of each file are enough.
 */

const folder = new URL("../../../../shared/vectors/wycheproof/", import.meta.url);
const VECTORS_OF_A_FILE = 4;

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

/** Some that are valid and some that are not, spread over the file. */
function sample(vectors: readonly Vector[]): readonly Vector[] {
  return (["valid", "invalid"] as const).flatMap((result) => {
    const alike = vectors.filter((vector) => vector.result === result);
    const every = Math.max(1, Math.floor(alike.length / VECTORS_OF_A_FILE));
    return alike.filter((_, i) => i % every === 0).slice(0, VECTORS_OF_A_FILE);
  });
}

const MACS = [
  { spec: "HMAC_SHA_224", file: "hmac_sha224_test.json", bits: 224 },
  { spec: "HMAC_SHA_256", file: "hmac_sha256_test.json", bits: 256 },
  { spec: "HMAC_SHA_384", file: "hmac_sha384_test.json", bits: 384 },
  { spec: "HMAC_SHA_512", file: "hmac_sha512_test.json", bits: 512 },
  { spec: "HMAC_SM3", file: "hmac_sm3_test.json", bits: 256 },
] as const;

const OAEP = [
  { spec: "RSA_2048", file: "rsa_oaep_2048_sha1_mgf1sha1_test.json", algorithm: "RSAES_OAEP_SHA_1" },
  { spec: "RSA_2048", file: "rsa_oaep_2048_sha256_mgf1sha256_test.json", algorithm: "RSAES_OAEP_SHA_256" },
  { spec: "RSA_3072", file: "rsa_oaep_3072_sha256_mgf1sha256_test.json", algorithm: "RSAES_OAEP_SHA_256" },
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
          const groups = read(t, file)?.filter(({ keySize, tagSize }) => keySize === bits && tagSize === bits);
          if (groups === undefined) return;
          const vectors = sample(groups.flatMap(({ tests }) => tests.filter(({ msg }) => msg !== "")));
          assert.ok(vectors.length >= VECTORS_OF_A_FILE);
          for (const vector of vectors) await verifyCode(client, { spec, vector });
        }
        for (const { spec, file, algorithm } of OAEP) {
          for (const group of read(t, file) ?? []) {
            const vectors = sample(group.tests.filter(({ label }) => label === ""));
            assert.ok(vectors.length >= VECTORS_OF_A_FILE);
            await decryptAll(client, { spec, algorithm, vectors, pkcs8: hex(group, "privateKeyPkcs8") });
          }
        }
      } finally {
        client.close();
      }
    });
  });
});

async function verifyCode(
  client: CinnabarClient,
  { spec, vector }: { readonly spec: string; readonly vector: Vector },
): Promise<void> {
  const KeyId = await importKey(client, { KeySpec: spec }, { wrapping: "SM2PKE", material: hex(vector, "key") });
  const Message = hex(vector, "msg").toString("base64");
  const Mac = hex(vector, "tag").toString("base64");
  const parameters = { KeyId, Algorithm: spec, Message };
  const verified = await client.call("VerifyMac", { ...parameters, Mac });
  assert.equal(verified["Value"], vector.result === "valid", `${spec} ${vector.tcId}`);
  const made = await client.call("GenerateMac", parameters);
  assert.equal(made["Mac"] === Mac, vector.result === "valid", `${spec} ${vector.tcId}`);
}

async function decryptAll(
  client: CinnabarClient,
  {
    spec,
    algorithm,
    vectors,
    pkcs8,
  }: {
    readonly spec: string;
    readonly algorithm: string;
    readonly vectors: readonly Vector[];
    readonly pkcs8: Buffer;
  },
): Promise<void> {
  const wrapping = "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD";
  const kind = { KeySpec: spec, KeyUsage: "ENCRYPT/DECRYPT" };
  const KeyId = await importKey(client, kind, { wrapping, material: pkcs8 });
  const { KeyVersions } = await client.call("ListKeyVersions", { KeyId });
  const [version] = (KeyVersions as { KeyVersion: { KeyVersionId: string }[] }).KeyVersion;
  const named = { KeyId, KeyVersionId: version?.KeyVersionId ?? "", Algorithm: algorithm };
  for (const vector of vectors) {
    const CiphertextBlob = hex(vector, "ct").toString("base64");
    const answer = await client.call("AsymmetricDecrypt", { ...named, CiphertextBlob }).catch((error: unknown) => {
      assert.ok(error instanceof ServiceError, String(error));
      return { code: error.code };
    });
    const said = `${spec} ${algorithm} ${vector.tcId}`;
    if (vector.result === "valid") {
      assert.equal("Plaintext" in answer && answer["Plaintext"], hex(vector, "msg").toString("base64"), said);
    } else assert.deepEqual(answer, { code: codeFor(CiphertextBlob) }, said);
  }
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
