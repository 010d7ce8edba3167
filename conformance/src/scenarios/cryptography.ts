import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes } from "node:crypto";
import { arn, type Caller } from "../caller.ts";
import type { CallParameters } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const MAX_PLAINTEXT_BYTES = 6144;

interface Sealed {
  readonly KeyId: string;
  readonly KeyVersionId: string;
  readonly CiphertextBlob: string;
}

async function encrypt(root: Caller, parameters: CallParameters): Promise<Sealed> {
  const { KeyId, KeyVersionId, CiphertextBlob, ...rest } = await root.call("Encrypt", parameters);
  assert.deepEqual(rest, {});
  return { KeyId: String(KeyId), KeyVersionId: String(KeyVersionId), CiphertextBlob: String(CiphertextBlob) };
}

async function decrypt(root: Caller, sealed: Sealed, more: CallParameters = {}): Promise<string> {
  const { Plaintext, ...rest } = await root.call("Decrypt", { CiphertextBlob: sealed.CiphertextBlob, ...more });
  assert.deepEqual(rest, { KeyId: sealed.KeyId, KeyVersionId: sealed.KeyVersionId });
  return String(Plaintext);
}

const newPlaintext = (bytes = 32) => randomBytes(bytes).toString("base64");

export const cryptographyScenarios: readonly Scenario[] = [
  {
    title: "encrypts by a key's id, alias, ARN and alias ARN, and decrypts by the ciphertext alone",
    async run(root) {
      const keyId = await root.createKey();
      const alias = await root.createAlias(keyId);
      const blobs = new Set<string>();
      for (const name of [keyId, alias, arn(root.deployment, `key/${keyId}`), arn(root.deployment, alias)]) {
        const plaintext = newPlaintext();
        const sealed = await encrypt(root, { KeyId: name, Plaintext: plaintext });
        assert.equal(sealed.KeyId, keyId);
        assert.equal(Buffer.from(sealed.CiphertextBlob, "base64").toString("latin1", 0, 36), sealed.KeyVersionId);
        assert.equal(await decrypt(root, sealed), plaintext);
        blobs.add(sealed.CiphertextBlob);
      }
      const again = { KeyId: keyId, Plaintext: newPlaintext() };
      blobs.add((await encrypt(root, again)).CiphertextBlob);
      blobs.add((await encrypt(root, again)).CiphertextBlob);
      assert.equal(blobs.size, 6);
    },
  },
  {
    title: "makes data keys of the length asked for, which decrypt to themselves",
    async run(root) {
      const keyId = await root.createKey();
      const lengths: readonly (readonly [CallParameters, number])[] = [
        [{}, 32],
        [{ KeySpec: "AES_256" }, 32],
        [{ KeySpec: "AES_128" }, 16],
        [{ NumberOfBytes: 1024 }, 1024],
        [{ KeySpec: "SM4_128", NumberOfBytes: 16 }, 16],
      ];
      for (const [parameters, length] of lengths) {
        const { Plaintext, ...made } = await root.call("GenerateDataKey", { KeyId: keyId, ...parameters });
        assert.equal(Buffer.from(String(Plaintext), "base64").length, length);
        assert.deepEqual(Object.keys(made), ["KeyId", "KeyVersionId", "CiphertextBlob"]);
        assert.equal(await decrypt(root, made as unknown as Sealed), Plaintext);

        const hidden = await root.call("GenerateDataKeyWithoutPlaintext", { KeyId: keyId, ...parameters });
        assert.deepEqual(Object.keys(hidden), ["KeyId", "KeyVersionId", "CiphertextBlob"]);
        const opened = await decrypt(root, hidden as unknown as Sealed);
        assert.equal(Buffer.from(opened, "base64").length, length);
        assert.notEqual(opened, Plaintext);
      }
    },
  },
  {
    title: "exports data keys to a public key's owner, and takes over what others encrypted with a pair's public key",
    async run(root) {
      const keyId = await root.createKey();
      const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const PublicKeyBlob = publicKey.export({ type: "spki", format: "der" }).toString("base64");
      for (const [WrappingAlgorithm, oaepHash] of [
        ["RSAES_OAEP_SHA_256", "sha256"],
        ["RSAES_OAEP_SHA_1", "sha1"],
      ] as const) {
        const receiver = { PublicKeyBlob, WrappingKeySpec: "RSA_2048", WrappingAlgorithm };
        const openExported = (exported: unknown) =>
          privateDecrypt({ key: privateKey, oaepHash }, Buffer.from(String(exported), "base64"));
        const EncryptionContext = { tenant: "acme" };
        const made = await root.call("GenerateAndExportDataKey", { KeyId: keyId, EncryptionContext, ...receiver });
        const { ExportedDataKey, ...sealed } = made;
        assert.deepEqual(Object.keys(sealed), ["KeyId", "KeyVersionId", "CiphertextBlob"]);
        const dataKey = openExported(ExportedDataKey);
        assert.equal(dataKey.length, 32);
        const CiphertextBlob = String(sealed["CiphertextBlob"]);
        const opened = await decrypt(root, sealed as unknown as Sealed, { EncryptionContext });
        assert.equal(opened, dataKey.toString("base64"));

        const again = await root.call("ExportDataKey", { CiphertextBlob, EncryptionContext, ...receiver });
        assert.deepEqual([again["KeyId"], again["KeyVersionId"]], [sealed["KeyId"], sealed["KeyVersionId"]]);
        assert.deepEqual(openExported(again["ExportedDataKey"]), dataKey);
        const wrong = { ...receiver, WrappingKeySpec: "EC_SM2" };
        await root.refused("InvalidParameter", "ExportDataKey", { CiphertextBlob, EncryptionContext, ...wrong });
      }

      const { KeyMetadata } = await root.call("CreateKey", { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT/DECRYPT" });
      const { KeyId: SourceKeyId = "" } = KeyMetadata as Record<string, string>;
      const { KeyVersions } = await root.call("ListKeyVersions", { KeyId: SourceKeyId });
      const [first] = (KeyVersions as { KeyVersion: { KeyVersionId: string }[] }).KeyVersion;
      const SourceKeyVersionId = first?.KeyVersionId ?? "";
      const { PublicKey } = await root.call("GetPublicKey", { KeyId: SourceKeyId, KeyVersionId: SourceKeyVersionId });
      const plaintext = randomBytes(32);
      const theirs = publicEncrypt({ key: createPublicKey(String(PublicKey)), oaepHash: "sha256" }, plaintext);
      const moved = await root.call("ReEncrypt", {
        CiphertextBlob: theirs.toString("base64"),
        SourceKeyId,
        SourceKeyVersionId,
        SourceEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
        DestinationKeyId: keyId,
      });
      assert.equal(await decrypt(root, moved as unknown as Sealed), plaintext.toString("base64"));
    },
  },
  {
    title: "takes an encryption context as JSON and flattened for one and the same map",
    async run(root) {
      const keyId = await root.createKey();
      const tenant = "a+b & c=d/é~*'()!%20";
      const context = { tenant, "purpose of use": "reports" };
      const reordered = JSON.stringify({ "purpose of use": "reports", tenant });
      const flattened = {
        "EncryptionContext.tenant": tenant,
        "EncryptionContext.purpose of use": "reports",
      };
      const plaintext = newPlaintext();
      const sealed = await encrypt(root, { KeyId: keyId, Plaintext: plaintext, EncryptionContext: context });
      assert.equal(await decrypt(root, sealed, { EncryptionContext: context }), plaintext);
      assert.equal(await decrypt(root, sealed, { EncryptionContext: reordered }), plaintext);
      assert.equal(await decrypt(root, sealed, flattened), plaintext);

      const flat = await root.call("GenerateDataKey", { KeyId: keyId, ...flattened });
      const dataKey = {
        KeyId: keyId,
        KeyVersionId: String(flat["KeyVersionId"]),
        CiphertextBlob: String(flat["CiphertextBlob"]),
      };
      assert.equal(await decrypt(root, dataKey, { EncryptionContext: context }), flat["Plaintext"]);

      const without = await encrypt(root, { KeyId: keyId, Plaintext: plaintext });
      assert.equal(await decrypt(root, without, { EncryptionContext: "{}" }), plaintext);
    },
  },
  {
    title: "refuses a ciphertext that was altered or belongs to another context, and does not say which",
    async run(root) {
      const keyId = await root.createKey();
      const sealed = await encrypt(root, {
        KeyId: keyId,
        Plaintext: newPlaintext(),
        EncryptionContext: { tenant: "acme" },
      });
      const bytes = Buffer.from(sealed.CiphertextBlob, "base64");
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      const altered = bytes.toString("base64");
      const messages = [
        await root.refused("InvalidParameter", "Decrypt", { CiphertextBlob: sealed.CiphertextBlob }),
        await root.refused("InvalidParameter", "Decrypt", {
          CiphertextBlob: sealed.CiphertextBlob,
          EncryptionContext: { tenant: "other" },
        }),
        await root.refused("InvalidParameter", "Decrypt", {
          CiphertextBlob: altered,
          EncryptionContext: { tenant: "acme" },
        }),
      ];
      assert.deepEqual(new Set(messages), new Set(['The specified parameter "CiphertextBlob" is not valid.']));
      const unknownVersion = Buffer.concat([Buffer.from("00000000-0000-4000-8000-000000000000"), bytes.subarray(36)]);
      await root.refused("Forbidden.KeyNotFound", "Decrypt", { CiphertextBlob: unknownVersion.toString("base64") });
    },
  },
  {
    title: "gives back as it was what is not base64",
    async run(root) {
      const keyId = await root.createKey();
      for (const plaintext of [
        "plaintext",
        "not base64: é 密文 \u{1F511} ~*'()! a+b&c=d%20\r\n\t end",
        "bGluZXMgb2YgYmFzZTY0\nbGluZXMgb2YgYmFzZTY0",
        `{"json":"${"x".repeat(4000)}"}`,
      ]) {
        const sealed = await encrypt(root, { KeyId: keyId, Plaintext: plaintext });
        assert.equal(await decrypt(root, sealed), plaintext);
      }
    },
  },
  {
    title: "encrypts 6 KiB and not a byte more",
    async run(root) {
      const keyId = await root.createKey();
      const most = newPlaintext(MAX_PLAINTEXT_BYTES);
      assert.equal(await decrypt(root, await encrypt(root, { KeyId: keyId, Plaintext: most })), most);
      const tooMuch = newPlaintext(MAX_PLAINTEXT_BYTES + 1);
      const message = await root.refused("InvalidParameter", "Encrypt", { KeyId: keyId, Plaintext: tooMuch });
      assert.match(message, /"Plaintext"/);
    },
  },
  {
    title: "takes parameters far longer than Node's HTTP server does by itself",
    async run(root) {
      // In a URL each of these characters takes nine bytes.
      const description = "密".repeat(8192);
      const { KeyMetadata } = await root.call("CreateKey", { Description: description });
      assert.equal((KeyMetadata as { Description: unknown }).Description, description);

      const keyId = await root.createKey();
      const unknown = newPlaintext(22_500);
      assert(unknown.length === 30_000);
      await root.call("DescribeKey", { KeyId: keyId, ClientToken: unknown });
    },
  },
  {
    title: "ignores parameters that it does not know",
    async run(root) {
      const keyId = await root.createKey({ RegionId: "cn-shanghai", ClientToken: newPlaintext() });
      const plaintext = newPlaintext();
      const more = { RegionId: "cn-shanghai", ClientToken: newPlaintext(), "Unheard.Of.1.Value": "é ~*" };
      const sealed = await encrypt(root, { KeyId: keyId, Plaintext: plaintext, ...more });
      assert.equal(await decrypt(root, sealed, more), plaintext);
    },
  },
];
