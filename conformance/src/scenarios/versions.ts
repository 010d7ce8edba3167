import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { CallParameters } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;
const DAY_MILLIS = 24 * 60 * 60 * 1000;

async function describeKey(root: Caller, keyId: string): Promise<Record<string, string>> {
  return (await root.call("DescribeKey", { KeyId: keyId }))["KeyMetadata"] as Record<string, string>;
}

async function rotation(root: Caller, keyId: string): Promise<readonly unknown[]> {
  const {
    AutomaticRotation,
    RotationInterval,
    LastRotationDate = "",
    NextRotationDate,
  } = await describeKey(root, keyId);
  const days = NextRotationDate && (Date.parse(NextRotationDate) - Date.parse(LastRotationDate)) / DAY_MILLIS;
  return [AutomaticRotation, RotationInterval, days];
}

/** Further versions of keys, and keys that get them by themselves. */
export const versionScenarios: readonly Scenario[] = [
  {
    title: "gives a key a further version, which encrypts from then on, and decrypts with both",
    async run(root) {
      const keyId = await root.createKey();
      const alias = await root.createAlias(keyId);
      const { PrimaryKeyVersion: first = "", CreationDate } = await describeKey(root, keyId);
      const plaintext = randomBytes(32).toString("base64");
      const before = await root.call("Encrypt", { KeyId: keyId, Plaintext: plaintext });
      const { KeyVersion, ...rest } = await root.call("CreateKeyVersion", { KeyId: alias });
      assert.deepEqual(rest, {});
      const { KeyVersionId: second = "", CreationDate: madeAt = "", ...version } = KeyVersion as Record<string, string>;
      assert.deepEqual(version, { KeyId: keyId });
      assert.match(madeAt, INSTANT);
      const after = await root.call("Encrypt", { KeyId: keyId, Plaintext: plaintext });
      assert.deepEqual([before["KeyVersionId"], after["KeyVersionId"]], [first, second]);
      for (const { CiphertextBlob, KeyVersionId } of [before, after]) {
        const decrypted = await root.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
        assert.deepEqual(decrypted, { KeyId: keyId, KeyVersionId, Plaintext: plaintext });
      }
      const { PrimaryKeyVersion, LastRotationDate } = await describeKey(root, keyId);
      assert.deepEqual([PrimaryKeyVersion, LastRotationDate], [second, madeAt]);

      const newest = { KeyId: keyId, KeyVersionId: second, CreationDate: madeAt };
      const oldest = { KeyId: keyId, KeyVersionId: first, CreationDate };
      const list = (page: CallParameters = {}) => root.call("ListKeyVersions", { KeyId: alias, ...page });
      const page = { PageNumber: 1, PageSize: 10, TotalCount: 2 };
      assert.deepEqual(await list(), { ...page, KeyVersions: { KeyVersion: [newest, oldest] } });
      assert.deepEqual(await list({ PageNumber: 2, PageSize: 1 }), {
        PageNumber: 2,
        PageSize: 1,
        TotalCount: 2,
        KeyVersions: { KeyVersion: [oldest] },
      });
      const described = await root.call("DescribeKeyVersion", { KeyId: keyId, KeyVersionId: first });
      assert.deepEqual(described, { KeyVersion: oldest });
      const missing = { KeyId: keyId, KeyVersionId: randomUUID() };
      await root.refused("Forbidden.KeyVersionNotFound", "DescribeKeyVersion", missing);

      await root.call("DisableKey", { KeyId: keyId });
      await root.refused("Rejected.Disabled", "CreateKeyVersion", { KeyId: keyId });
      assert.deepEqual(await root.call("DescribeKeyVersion", { KeyId: keyId, KeyVersionId: first }), described);
    },
  },
  {
    title: "changes how often a key is rotated, and waits while the key is disabled",
    async run(root) {
      const keyId = await root.createKey({ EnableAutomaticRotation: true, RotationInterval: "365d" });
      assert.deepEqual(await rotation(root, keyId), ["Enabled", "31536000s", 365]);
      const policy = { KeyId: keyId, EnableAutomaticRotation: true, RotationInterval: "604800s" };
      assert.deepEqual(await root.call("UpdateRotationPolicy", policy), {});
      assert.deepEqual(await rotation(root, keyId), ["Enabled", "604800s", 7]);
      await root.call("DisableKey", { KeyId: keyId });
      assert.deepEqual(await rotation(root, keyId), ["Suspended", "604800s", 7]);
      await root.refused("Rejected.Disabled", "UpdateRotationPolicy", policy);
      await root.call("EnableKey", { KeyId: keyId });
      await root.call("UpdateRotationPolicy", { KeyId: keyId, EnableAutomaticRotation: false });
      assert.deepEqual(await rotation(root, keyId), ["Disabled", undefined, undefined]);

      const alias = await root.createAlias(keyId);
      await root.refused("Unsupported.Alias", "UpdateRotationPolicy", { ...policy, KeyId: alias });
      await root.refused("MissingParameter", "UpdateRotationPolicy", { KeyId: keyId, EnableAutomaticRotation: true });
      const mac = await root.createKey({ KeySpec: "HMAC_SHA_256", KeyUsage: "GENERATE/VERIFY_MAC" });
      await root.refused("Rejected.UnsupportedOperation", "UpdateRotationPolicy", { ...policy, KeyId: mac });
    },
  },
];
