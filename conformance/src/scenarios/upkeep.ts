import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { arn, type Caller } from "../caller.ts";
import type { Body, CallParameters } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

async function describeKey(root: Caller, keyId: string): Promise<Body> {
  const { KeyMetadata } = await root.call("DescribeKey", { KeyId: keyId });
  return KeyMetadata as Body;
}

async function protection(root: Caller, keyId: string): Promise<readonly unknown[]> {
  const { DeletionProtection, DeletionProtectionDescription } = await describeKey(root, keyId);
  return [DeletionProtection, DeletionProtectionDescription];
}

const newPlaintext = () => randomBytes(32).toString("base64");

async function encrypt(root: Caller, parameters: CallParameters): Promise<string> {
  return String((await root.call("Encrypt", parameters))["CiphertextBlob"]);
}

/** What a key in use needs over the years: new words, other names, protection, and data moved to its successor. */
export const upkeepScenarios: readonly Scenario[] = [
  {
    title: "describes a key anew, unless it waits for its deletion",
    async run(root) {
      const keyId = await root.createKey({ Description: "the first words" });
      const description = "the second: é 密钥 ~*'()!\n a+b&c=d%20";
      assert.deepEqual(await root.call("UpdateKeyDescription", { KeyId: keyId, Description: description }), {});
      assert.equal((await describeKey(root, keyId))["Description"], description);

      const alias = await root.createAlias(keyId);
      const words = { Description: "words that nobody will read" };
      await root.refused("Unsupported.Alias", "UpdateKeyDescription", { KeyId: alias, ...words });
      await root.refused("Forbidden.KeyNotFound", "UpdateKeyDescription", { KeyId: randomUUID(), ...words });
      await root.refused("MissingParameter", "UpdateKeyDescription", { KeyId: keyId });
      await root.refused("InvalidParameter", "UpdateKeyDescription", {
        KeyId: keyId,
        Description: "x".repeat(8193),
      });
      await root.refused("DryRunOperationError", "UpdateKeyDescription", { KeyId: keyId, ...words, DryRun: true });
      await root.call("Encrypt", { KeyId: keyId, Plaintext: "aGVsbG8=" });
      for (const [name, parameters] of [
        ["DisableKey", {}],
        ["ScheduleKeyDeletion", { PendingWindowInDays: 7 }],
      ] as const) {
        const message = await root.refused("DryRunOperationError", name, { KeyId: keyId, ...parameters, DryRun: true });
        assert.match(
          message,
          / In the last 30 days the key served 1 call of 1 caller, the last one at .* by Encrypt\.$/,
        );
      }
      await root.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: 7 });
      await root.refused("Rejected.PendingDeletion", "UpdateKeyDescription", { KeyId: keyId, ...words });
      assert.equal((await describeKey(root, keyId))["Description"], description);
    },
  },
  {
    title: "moves an alias from a key to its successor, and lists the aliases of each",
    async run(root) {
      const [old, next] = [await root.createKey(), await root.createKey()];
      const [moving, staying] = [await root.createAlias(old), await root.createAlias(old)];
      const entry = (alias: string, keyId: string) => ({
        AliasName: alias,
        AliasArn: arn(root.deployment, alias),
        KeyId: keyId,
      });
      const aliasesOf = (keyId: string, page: CallParameters = {}) =>
        root.call("ListAliasesByKeyId", { KeyId: keyId, ...page });
      assert.deepEqual(await aliasesOf(old), {
        Aliases: { Alias: [entry(moving, old), entry(staying, old)] },
        PageNumber: 1,
        PageSize: 10,
        TotalCount: 2,
      });
      assert.deepEqual(await aliasesOf(old, { PageNumber: 2, PageSize: 1 }), {
        Aliases: { Alias: [entry(staying, old)] },
        PageNumber: 2,
        PageSize: 1,
        TotalCount: 2,
      });
      assert.deepEqual((await aliasesOf(next, { PageSize: 101 }))["Aliases"], { Alias: [] });

      assert.deepEqual(await root.call("UpdateAlias", { AliasName: moving, KeyId: next }), {});
      assert.equal((await describeKey(root, moving))["KeyId"], next);
      assert.deepEqual((await aliasesOf(old))["Aliases"], { Alias: [entry(staying, old)] });
      assert.deepEqual((await aliasesOf(next))["Aliases"], { Alias: [entry(moving, next)] });

      const missing = randomUUID();
      await root.refused("Forbidden.AliasNotFound", "UpdateAlias", { AliasName: `alias/${missing}`, KeyId: next });
      await root.refused("Forbidden.KeyNotFound", "UpdateAlias", { AliasName: moving, KeyId: missing });
      await root.refused("Unsupported.Alias", "UpdateAlias", { AliasName: moving, KeyId: staying });
      await root.refused("InvalidParameter", "UpdateAlias", { AliasName: "no-prefix", KeyId: old });
      await root.refused("MissingParameter", "UpdateAlias", { KeyId: old });
      await root.refused("Forbidden.KeyNotFound", "ListAliasesByKeyId", { KeyId: missing });
      await root.refused("Unsupported.Alias", "ListAliasesByKeyId", { KeyId: staying });
      await root.refused("InvalidParameter", "ListAliasesByKeyId", { KeyId: old, PageSize: 102 });
      await root.call("ScheduleKeyDeletion", { KeyId: old, PendingWindowInDays: 7 });
      await root.refused("Rejected.PendingDeletion", "UpdateAlias", { AliasName: moving, KeyId: old });
      await root.call("UpdateAlias", { AliasName: staying, KeyId: next });
      assert.equal((await aliasesOf(old))["TotalCount"], 0);
    },
  },
  {
    title: "keeps a protected key from being deleted, named by its id or its ARN",
    async run(root) {
      const keyId = await root.createKey();
      const ProtectedResourceArn = arn(root.deployment, `key/${keyId}`);
      const schedule = { KeyId: keyId, PendingWindowInDays: 7 };
      for (const named of [{ KeyId: keyId }, { ProtectedResourceArn }]) {
        const description = "ten years of bills: é 密钥";
        assert.deepEqual(
          await root.call("SetDeletionProtection", {
            ...named,
            EnableDeletionProtection: true,
            DeletionProtectionDescription: description,
          }),
          {},
        );
        assert.deepEqual(await protection(root, keyId), ["Enabled", description]);
        await root.refused("Rejected.StateModifiedFailed", "ScheduleKeyDeletion", schedule);
        await root.call("SetDeletionProtection", { ...named, EnableDeletionProtection: false });
        assert.deepEqual(await protection(root, keyId), ["Disabled", ""]);
      }
      const enable = { EnableDeletionProtection: true };
      await root.refused("MissingParameter", "SetDeletionProtection", { KeyId: keyId });
      await root.refused("MissingParameter", "SetDeletionProtection", enable);
      await root.refused("InvalidParameter", "SetDeletionProtection", { KeyId: keyId, EnableDeletionProtection: "on" });
      await root.refused("InvalidParameter", "SetDeletionProtection", { ...enable, ProtectedResourceArn: keyId });
      await root.refused("Forbidden.KeyNotFound", "SetDeletionProtection", { ...enable, KeyId: randomUUID() });
      await root.refused("Unsupported.Alias", "SetDeletionProtection", {
        ...enable,
        KeyId: await root.createAlias(keyId),
      });
      await root.refused("Forbidden.DKMSInstanceNotFound", "SetDeletionProtection", {
        ...enable,
        KmsInstanceId: "kst-abcdefghijklmnopqrstu",
      });
      await root.call("ScheduleKeyDeletion", schedule);
      await root.refused("Rejected.PendingDeletion", "SetDeletionProtection", { KeyId: keyId, ...enable });
    },
  },
  {
    title: "encrypts anew under another key and another context, without showing what",
    async run(root) {
      const [source, destination] = [await root.createKey(), await root.createKey()];
      const Plaintext = newPlaintext();
      const tenant = "a+b & c=d/é~*'()!%20";
      const [old, next] = [{ tenant, "purpose of use": "reports" }, { tenant: "another" }];
      const CiphertextBlob = await encrypt(root, { KeyId: source, Plaintext, EncryptionContext: old });
      const move = { CiphertextBlob, DestinationKeyId: destination };
      const contexts: readonly (readonly [CallParameters, CallParameters])[] = [
        [{ SourceEncryptionContext: old, DestinationEncryptionContext: next }, { EncryptionContext: next }],
        [
          {
            SourceEncryptionContext: JSON.stringify({ "purpose of use": "reports", tenant }),
            DestinationEncryptionContext: JSON.stringify(next),
          },
          { EncryptionContext: next },
        ],
        [
          { "SourceEncryptionContext.tenant": tenant, "SourceEncryptionContext.purpose of use": "reports" },
          { EncryptionContext: "{}" },
        ],
      ];
      for (const [contextsOfBoth, contextToOpen] of contexts) {
        const { CiphertextBlob: blob, ...ids } = await root.call("ReEncrypt", { ...move, ...contextsOfBoth });
        const { PrimaryKeyVersion } = await describeKey(root, destination);
        assert.deepEqual(ids, { KeyId: destination, KeyVersionId: PrimaryKeyVersion });
        const moved = { CiphertextBlob: String(blob) };
        assert.deepEqual(await root.call("Decrypt", { ...moved, ...contextToOpen }), { ...ids, Plaintext });
        await root.refused("InvalidParameter", "Decrypt", { ...moved, EncryptionContext: old });
      }

      await root.refused("InvalidParameter", "ReEncrypt", move);
      const opened = { ...move, SourceEncryptionContext: old };
      await root.refused("InvalidParameter", "ReEncrypt", { ...opened, SourceKeyId: destination });
      await root.refused("Forbidden.KeyNotFound", "ReEncrypt", { ...opened, DestinationKeyId: randomUUID() });
      await root.refused("Unsupported.Alias", "ReEncrypt", {
        ...opened,
        DestinationKeyId: await root.createAlias(destination),
      });
      await root.refused("MissingParameter", "ReEncrypt", { CiphertextBlob });
      await root.refused("DryRunOperationError", "ReEncrypt", { ...opened, DryRun: true });
      const publicKey = { SourceEncryptionAlgorithm: "RSAES_OAEP_SHA_256", SourceKeyId: source };
      await root.refused("MissingParameter", "ReEncrypt", { ...opened, ...publicKey });
      await root.refused("InvalidParameter", "ReEncrypt", {
        ...opened,
        ...publicKey,
        SourceKeyVersionId: randomUUID(),
      });

      for (const keyId of [source, destination]) {
        await root.call("DisableKey", { KeyId: keyId });
        await root.refused("Rejected.Disabled", "ReEncrypt", opened);
        await root.call("EnableKey", { KeyId: keyId });
      }
      await root.call("ScheduleKeyDeletion", { KeyId: source, PendingWindowInDays: 7 });
      await root.refused("Rejected.PendingDeletion", "ReEncrypt", opened);
    },
  },
  {
    title: "says that the service is open, and does not open it again",
    async run(root) {
      assert.deepEqual(await root.call("DescribeAccountKmsStatus"), { AccountStatus: "Enabled" });
      await root.refused("Forbidden.Opened", "OpenKmsService");
    },
  },
];
