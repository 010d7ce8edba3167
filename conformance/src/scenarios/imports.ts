import assert from "node:assert/strict";
import { constants, createHmac, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { Scenario } from "./scenario.ts";

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;
const PLAINTEXT = "aGVsbG8=";

async function describeKey(root: Caller, KeyId: string): Promise<Record<string, string>> {
  return (await root.call("DescribeKey", { KeyId }))["KeyMetadata"] as Record<string, string>;
}

/** Imports as the published steps do, with the padding of the form that is named. */
async function importMaterial(
  root: Caller,
  KeyId: string,
  {
    material,
    expires = 0,
    algorithm = "RSAES_OAEP_SHA_256",
  }: { readonly material: Buffer; readonly expires?: number; readonly algorithm?: string },
): Promise<Record<string, string>> {
  const parameters = await root.call("GetParametersForImport", {
    KeyId,
    WrappingAlgorithm: algorithm,
    WrappingKeySpec: "RSA_2048",
  });
  assert.equal(parameters["KeyId"], KeyId);
  assert.match(String(parameters["TokenExpireTime"]), INSTANT);
  const der = Buffer.from(String(parameters["PublicKey"]), "base64");
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const wrapped =
    algorithm === "RSAES_PKCS1_V1_5"
      ? publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, material)
      : publicEncrypt({ key, oaepHash: algorithm === "RSAES_OAEP_SHA_1" ? "sha1" : "sha256" }, material);
  const wire = {
    KeyId,
    EncryptedKeyMaterial: wrapped.toString("base64"),
    ImportToken: String(parameters["ImportToken"]),
    KeyMaterialExpireUnix: expires,
  };
  await root.call("ImportKeyMaterial", wire);
  return { EncryptedKeyMaterial: wire.EncryptedKeyMaterial, ImportToken: wire.ImportToken };
}

/** Keys whose material callers bring. */
export const importScenarios: readonly Scenario[] = [
  {
    title: "imports material, deletes it, and takes the same again only",
    async run(root) {
      for (const algorithm of ["RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1"]) {
        const KeyId = await root.createKey({ Origin: "EXTERNAL" });
        const { KeyState, Origin } = await describeKey(root, KeyId);
        assert.deepEqual([KeyState, Origin], ["PendingImport", "EXTERNAL"]);
        await root.refused("Rejected.PendingImport", "Encrypt", { KeyId, Plaintext: PLAINTEXT });
        await root.refused("Rejected.StateModifiedFailed", "EnableKey", { KeyId });
        const wrapped = await importMaterial(root, KeyId, { material: randomBytes(32), algorithm });
        const { CiphertextBlob } = await root.call("Encrypt", { KeyId, Plaintext: PLAINTEXT });
        await root.call("DeleteKeyMaterial", { KeyId });
        const sealed = { CiphertextBlob: String(CiphertextBlob) };
        await root.refused("Rejected.PendingImport", "Decrypt", sealed);
        await root.call("ImportKeyMaterial", { KeyId, ...wrapped, KeyMaterialExpireUnix: 0 });
        assert.equal((await root.call("Decrypt", sealed))["Plaintext"], PLAINTEXT);
      }
    },
  },
  {
    title: "says when imported material expires, and rotates such a key with further material",
    async run(root) {
      const KeyId = await root.createKey({ Origin: "EXTERNAL" });
      const expires = Math.floor(Date.now() / 1000) + 30 * 24 * 60 * 60;
      await importMaterial(root, KeyId, { material: randomBytes(32), expires });
      const instant = new Date(expires * 1000).toISOString().replace(".000", "");
      const { MaterialExpireTime, PrimaryKeyVersion: first } = await describeKey(root, KeyId);
      assert.equal(MaterialExpireTime, instant);
      const { CiphertextBlob } = await root.call("Encrypt", { KeyId, Plaintext: PLAINTEXT });
      const { KeyVersion } = await root.call("CreateKeyVersion", { KeyId });
      const { KeyVersionId } = KeyVersion as Record<string, string>;
      assert.equal((await describeKey(root, KeyId))["PrimaryKeyVersion"], first);
      await importMaterial(root, KeyId, { material: randomBytes(32) });
      const described = await describeKey(root, KeyId);
      assert.deepEqual([described["PrimaryKeyVersion"], described["MaterialExpireTime"]], [KeyVersionId, ""]);
      const opened = await root.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
      assert.equal(opened["Plaintext"], PLAINTEXT);
    },
  },
  {
    title: "makes the codes that imported material makes elsewhere",
    async run(root) {
      const KeyId = await root.createKey({ KeySpec: "HMAC_SHA_256", Origin: "EXTERNAL" });
      const [material, message] = [randomBytes(32), randomBytes(50)];
      await importMaterial(root, KeyId, { material });
      const parameters = { KeyId, Algorithm: "HMAC_SHA_256", Message: message.toString("base64") };
      const { Mac } = await root.call("GenerateMac", parameters);
      assert.equal(Mac, createHmac("sha256", material).update(message).digest("base64"));
    },
  },
  {
    title: "refuses what is not to be imported in the published way",
    async run(root) {
      const own = await root.createKey();
      const form = { WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048" };
      await root.refused("Unsupported.Origin", "GetParametersForImport", { KeyId: own, ...form });
      await root.refused("Unsupported.Origin", "DeleteKeyMaterial", { KeyId: own });
      const KeyId = await root.createKey({ Origin: "EXTERNAL" });
      await root.refused("InvalidParameter", "GetParametersForImport", {
        KeyId,
        ...form,
        WrappingKeySpec: "EC_SM2",
      });
      const wrapped = await importMaterial(root, KeyId, { material: randomBytes(32) });
      const again = { KeyId, ...wrapped, KeyMaterialExpireUnix: 0 };
      await root.call("ImportKeyMaterial", again);
      const other = await root.createKey({ Origin: "EXTERNAL" });
      await root.refused("InvalidImportToken", "ImportKeyMaterial", { ...again, KeyId: other });
      await root.refused("InvalidKeyMaterial", "ImportKeyMaterial", { ...again, EncryptedKeyMaterial: "AAAA" });
      await root.refused("InvalidParameter", "ImportKeyMaterial", { ...again, KeyMaterialExpireUnix: 1 });
      await root.call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
      await root.refused("Rejected.StateModifiedFailed", "ImportKeyMaterial", again);
    },
  },
];
