import assert from "node:assert/strict";
import { arn, type Caller } from "../caller.ts";
import type { Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const KEY_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;
const DAY_MILLIS = 24 * 60 * 60 * 1000;

async function describeKey(root: Caller, keyId: string): Promise<Body> {
  const { KeyMetadata, ...rest } = await root.call("DescribeKey", { KeyId: keyId });
  assert.deepEqual(rest, {});
  return KeyMetadata as Body;
}

async function keyState(root: Caller, keyId: string): Promise<unknown> {
  return (await describeKey(root, keyId))["KeyState"];
}

/** Turns the pages of a list until one is not full. */
async function listAll(root: Caller, action: string, items: (result: Body) => unknown): Promise<Body[]> {
  const pageSize = 97;
  const all: Body[] = [];
  for (let pageNumber = 1; ; pageNumber++) {
    const result = await root.call(action, { PageNumber: pageNumber, PageSize: pageSize });
    const page = items(result) as Body[];
    all.push(...page);
    assert.deepEqual([result["PageNumber"], result["PageSize"]], [pageNumber, pageSize]);
    if (page.length === pageSize) continue;
    assert.equal(result["TotalCount"], all.length);
    return all;
  }
}

const keysOf = ({ Keys }: Body) => (Keys as { Key: unknown }).Key;
const aliasesOf = ({ Aliases }: Body) => (Aliases as { Alias: unknown }).Alias;

export const keyScenarios: readonly Scenario[] = [
  {
    title: "makes a key and describes it by its id and by an alias",
    async run(root) {
      const { accountId } = root.deployment;
      const { KeyMetadata, ...rest } = await root.call("CreateKey", {
        Description: "for reports: é 密钥 ~*'()!",
        KeySpec: "Aliyun_AES_256",
        KeyUsage: "ENCRYPT/DECRYPT",
        Origin: "Aliyun_KMS",
        ProtectionLevel: "SOFTWARE",
      });
      assert.deepEqual(rest, {});
      const { KeyId, PrimaryKeyVersion, CreationDate, ...metadata } = KeyMetadata as Record<string, string>;
      assert.match(KeyId ?? "", KEY_ID);
      assert.match(PrimaryKeyVersion ?? "", KEY_ID);
      assert.match(CreationDate ?? "", INSTANT);
      assert.deepEqual(metadata, {
        Arn: arn({ accountId }, `key/${KeyId}`),
        Creator: accountId,
        Description: "for reports: é 密钥 ~*'()!",
        KeySpec: "Aliyun_AES_256",
        KeyUsage: "ENCRYPT/DECRYPT",
        KeyState: "Enabled",
        Origin: "Aliyun_KMS",
        ProtectionLevel: "SOFTWARE",
        DKMSInstanceId: "",
        DeleteDate: "",
        MaterialExpireTime: "",
        LastRotationDate: CreationDate,
        AutomaticRotation: "Disabled",
      });

      const described = { ...(KeyMetadata as Body), DeletionProtection: "Disabled", DeletionProtectionDescription: "" };
      assert.deepEqual(await describeKey(root, KeyId ?? ""), described);
      assert.deepEqual(await describeKey(root, await root.createAlias(KeyId ?? "")), described);
    },
  },
  {
    title: "lists every key, page by page to the end",
    async run(root) {
      const made = [await root.createKey(), await root.createKey(), await root.createKey()];
      const listed = await listAll(root, "ListKeys", keysOf);
      const ids = listed.map(({ KeyId }) => String(KeyId));
      assert.equal(new Set(ids).size, ids.length);
      assert.deepEqual(
        ids.filter((id) => made.includes(id)),
        made,
      );
      for (const key of listed) {
        assert.deepEqual(key, { KeyId: key["KeyId"], KeyArn: arn(root.deployment, `key/${String(key["KeyId"])}`) });
      }
      const { TotalCount, Keys, ...page } = await root.call("ListKeys", { PageNumber: 1_000_000 });
      assert.deepEqual(page, { PageNumber: 1_000_000, PageSize: 10 });
      assert.deepEqual(Keys, { Key: [] });
      assert(Number(TotalCount) >= listed.length);
    },
  },
  {
    title: "makes, lists and deletes aliases",
    async run(root) {
      const keyId = await root.createKey();
      const names = [await root.createAlias(keyId), await root.createAlias(keyId)];
      const own = async () =>
        (await listAll(root, "ListAliases", aliasesOf)).filter(({ AliasName }) => names.includes(String(AliasName)));
      const entries = names.map((name) => ({
        AliasName: name,
        AliasArn: arn(root.deployment, name),
        KeyId: keyId,
      }));
      assert.deepEqual(await own(), entries);
      await root.refused("AliasAlreadyExists", "CreateAlias", { KeyId: keyId, AliasName: names[0] ?? "" });

      assert.deepEqual(await root.call("DeleteAlias", { AliasName: names[0] ?? "" }), {});
      assert.deepEqual(await own(), entries.slice(1));
      await root.refused("Forbidden.AliasNotFound", "DescribeKey", { KeyId: names[0] ?? "" });
      await root.refused("Forbidden.AliasNotFound", "DeleteAlias", { AliasName: names[0] ?? "" });

      assert.deepEqual(await root.call("ListAliases", { PageSize: 0 }).then(aliasesOf), []);
    },
  },
  {
    title: "refuses a disabled key until it is enabled again",
    async run(root) {
      const keyId = await root.createKey();
      const plaintext = "a text for the key that is switched off and on";
      const { CiphertextBlob: blob } = await root.call("Encrypt", { KeyId: keyId, Plaintext: plaintext });

      assert.deepEqual(await root.call("DisableKey", { KeyId: keyId }), {});
      assert.deepEqual(await root.call("DisableKey", { KeyId: keyId }), {});
      assert.equal(await keyState(root, keyId), "Disabled");
      await root.refused("Rejected.Disabled", "Encrypt", { KeyId: keyId, Plaintext: plaintext });
      await root.refused("Rejected.Disabled", "Decrypt", { CiphertextBlob: String(blob) });
      await root.refused("Rejected.Disabled", "GenerateDataKey", { KeyId: keyId });
      await root.refused("Rejected.Disabled", "GenerateDataKeyWithoutPlaintext", { KeyId: keyId });
      await root.refused("Rejected.StateModifiedFailed", "CancelKeyDeletion", { KeyId: keyId });

      assert.deepEqual(await root.call("EnableKey", { KeyId: keyId }), {});
      assert.deepEqual(await root.call("EnableKey", { KeyId: keyId }), {});
      assert.equal(await keyState(root, keyId), "Enabled");
      assert.equal((await root.call("Decrypt", { CiphertextBlob: String(blob) }))["Plaintext"], plaintext);
    },
  },
  {
    title: "refuses a key that waits for its deletion until that is cancelled",
    async run(root) {
      const keyId = await root.createKey();
      const alias = await root.createAlias(keyId);
      const plaintext = "a text for the key that is to be deleted";
      const { CiphertextBlob: blob } = await root.call("Encrypt", { KeyId: alias, Plaintext: plaintext });
      await root.call("DisableKey", { KeyId: keyId });

      assert.deepEqual(await root.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: 7 }), {});
      const { KeyState, DeleteDate } = await describeKey(root, alias);
      assert.equal(KeyState, "PendingDeletion");
      assert.match(String(DeleteDate), INSTANT);
      const millis = Date.parse(String(DeleteDate)) - Date.now();
      assert(Math.abs(millis - 7 * DAY_MILLIS) < 60_000, `${millis} ms are not seven days`);

      await root.refused("Rejected.PendingDeletion", "Encrypt", { KeyId: alias, Plaintext: plaintext });
      await root.refused("Rejected.PendingDeletion", "Decrypt", { CiphertextBlob: String(blob) });
      await root.refused("Rejected.PendingDeletion", "GenerateDataKey", { KeyId: keyId });
      await root.refused("Rejected.PendingDeletion", "GenerateDataKeyWithoutPlaintext", { KeyId: keyId });
      await root.refused("Rejected.StateModifiedFailed", "EnableKey", { KeyId: keyId });
      await root.refused("Rejected.StateModifiedFailed", "DisableKey", { KeyId: keyId });
      await root.refused("Rejected.StateModifiedFailed", "ScheduleKeyDeletion", {
        KeyId: keyId,
        PendingWindowInDays: 7,
      });
      await root.refused("Rejected.StateModifiedFailed", "CreateAlias", { KeyId: keyId, AliasName: `${alias}-2` });

      assert.deepEqual(await root.call("CancelKeyDeletion", { KeyId: keyId }), {});
      const described = await describeKey(root, keyId);
      assert.deepEqual([described["KeyState"], described["DeleteDate"]], ["Enabled", ""]);
      assert.equal((await root.call("Decrypt", { CiphertextBlob: String(blob) }))["Plaintext"], plaintext);
    },
  },
  {
    title: "names its region and what keys it makes",
    async run(root) {
      assert.deepEqual(await root.call("DescribeRegions"), { Regions: { Region: [{ RegionId: "cn-hangzhou" }] } });
      const { ProtectionLevels, KeySpecs } = await root.call("DescribeService");
      assert.deepEqual(ProtectionLevels, { ProtectionLevel: [{ Type: "SOFTWARE" }] });
      const specs = new Map((KeySpecs as { KeySpec: { Name: string }[] }).KeySpec.map((spec) => [spec.Name, spec]));
      assert.deepEqual(specs.get("RSA_2048"), {
        Name: "RSA_2048",
        Usages: { Usage: ["SIGN/VERIFY", "ENCRYPT/DECRYPT"] },
        SupportedProtectionLevels: { SupportedProtectionLevel: ["SOFTWARE"] },
      });
      for (const name of ["Aliyun_AES_256", "EC_P256", "EC_SM2", "HMAC_SM3"]) assert(specs.has(name), name);
    },
  },
];
