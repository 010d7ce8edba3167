import assert from "node:assert/strict";
import { constants, createHash, createPublicKey, publicEncrypt, randomBytes, verify } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { CallParameters } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

interface NamedVersion {
  readonly KeyId: string;
  readonly KeyVersionId: string;
}

/** Pairs have no primary version: theirs is found in the list. */
async function createPair(root: Caller, kind: CallParameters): Promise<NamedVersion> {
  const { KeyMetadata } = await root.call("CreateKey", kind);
  const { KeyId = "", PrimaryKeyVersion } = KeyMetadata as Record<string, string>;
  assert.equal(PrimaryKeyVersion, undefined);
  const { KeyVersions } = await root.call("ListKeyVersions", { KeyId });
  const [{ KeyVersionId } = { KeyVersionId: "" }] = (KeyVersions as { KeyVersion: NamedVersion[] }).KeyVersion;
  return { KeyId, KeyVersionId };
}

async function publicKeyOf(root: Caller, version: NamedVersion) {
  const { PublicKey, ...named } = await root.call("GetPublicKey", { ...version });
  assert.deepEqual(named, version);
  return createPublicKey(String(PublicKey));
}

/** What pairs and keys of message authentication codes do. */
export const pairScenarios: readonly Scenario[] = [
  {
    title: "signs a digest as others verify it, and says of a wrong signature that it is wrong",
    async run(root) {
      const message = randomBytes(100);
      const Digest = createHash("sha256").update(message).digest("base64");
      for (const [KeySpec, Algorithm] of [
        ["EC_P256", "ECDSA_SHA_256"],
        ["RSA_2048", "RSA_PSS_SHA_256"],
      ] as const) {
        const version = await createPair(root, { KeySpec });
        const alias = await root.createAlias(version.KeyId);
        const parameters = { KeyId: alias, KeyVersionId: version.KeyVersionId, Algorithm, Digest };
        const { Value, ...named } = await root.call("AsymmetricSign", parameters);
        assert.deepEqual(named, version);
        assert.deepEqual(await root.call("AsymmetricVerify", { ...parameters, Value: String(Value) }), {
          ...version,
          Value: true,
        });
        const other = { ...parameters, Digest: randomBytes(32).toString("base64") };
        assert.deepEqual(await root.call("AsymmetricVerify", { ...other, Value: String(Value) }), {
          ...version,
          Value: false,
        });
        const key = await publicKeyOf(root, version);
        const how = KeySpec === "EC_P256" ? { key } : { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
        assert.ok(verify("sha256", message, how, Buffer.from(String(Value), "base64")));
      }
    },
  },
  {
    title: "decrypts what is encrypted with a pair's public key, by the service or by others",
    async run(root) {
      const plaintext = randomBytes(100);
      for (const [KeySpec, Algorithm] of [
        ["EC_SM2", "SM2PKE"],
        ["RSA_2048", "RSAES_OAEP_SHA_1"],
      ] as const) {
        const version = await createPair(root, { KeySpec, KeyUsage: "ENCRYPT/DECRYPT" });
        const Plaintext = plaintext.toString("base64");
        const sealed = await root.call("AsymmetricEncrypt", { ...version, Algorithm, Plaintext });
        const { CiphertextBlob, ...named } = sealed;
        assert.deepEqual(named, version);
        const parameters = { ...version, Algorithm };
        const opened = await root.call("AsymmetricDecrypt", { ...parameters, CiphertextBlob: String(CiphertextBlob) });
        assert.deepEqual(opened, { ...version, Plaintext });
        if (KeySpec === "EC_SM2") continue;
        const key = await publicKeyOf(root, version);
        const theirs = publicEncrypt({ key, oaepHash: "sha1" }, plaintext).toString("base64");
        const { Plaintext: same } = await root.call("AsymmetricDecrypt", { ...parameters, CiphertextBlob: theirs });
        assert.equal(same, Plaintext);
      }
    },
  },
  {
    title: "makes and verifies message authentication codes",
    async run(root) {
      const { KeyMetadata } = await root.call("CreateKey", { KeySpec: "HMAC_SHA_256" });
      const { KeyId = "" } = KeyMetadata as Record<string, string>;
      const parameters = { KeyId, Algorithm: "HMAC_SHA_256", Message: randomBytes(100).toString("base64") };
      const { Mac, ...named } = await root.call("GenerateMac", parameters);
      assert.deepEqual(named, { KeyId, Algorithm: "HMAC_SHA_256" });
      assert.equal(Buffer.from(String(Mac), "base64").length, 32);
      assert.deepEqual(await root.call("VerifyMac", { ...parameters, Mac: String(Mac) }), { ...named, Value: true });
      const other = { ...parameters, Message: "AAAA" };
      assert.deepEqual(await root.call("VerifyMac", { ...other, Mac: String(Mac) }), { ...named, Value: false });
    },
  },
  {
    title: "refuses what a key is not for in the published way",
    async run(root) {
      const version = await createPair(root, { KeySpec: "EC_P256" });
      await root.refused("Rejected.UnsupportedOperation", "AsymmetricEncrypt", {
        ...version,
        Algorithm: "RSAES_OAEP_SHA_256",
        Plaintext: "aGVsbG8=",
      });
      await root.refused("UnsupportedOperation", "Encrypt", { KeyId: version.KeyId, Plaintext: "aGVsbG8=" });
      const Digest = Buffer.alloc(32).toString("base64");
      const sign = { ...version, Algorithm: "ECDSA_SHA_256", Digest };
      await root.refused("Forbidden.KeyVersionNotFound", "AsymmetricSign", { ...sign, KeyVersionId: version.KeyId });
      await root.refused("InvalidParameter", "AsymmetricSign", { ...sign, Digest: "AAAA" });
    },
  },
];
