import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newKeyId, TamperedRowError } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, REGION, World } from "./world.ts";

const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
const UNSUPPORTED_ALIAS = "Unsupported.Alias: Alias is not valid for this api.";
const PENDING = "Rejected.PendingDeletion: The request was rejected because the key state is PendingDeletion.";

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const arnOf = (keyId: string, accountId: string = world.accountId) => `acs:kms:${REGION}:${accountId}:key/${keyId}`;

  async function protection(KeyId: string): Promise<readonly unknown[]> {
    const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
    return [KeyMetadata["DeletionProtection"], KeyMetadata["DeletionProtectionDescription"]];
  }

  async function revision(KeyId: string): Promise<unknown> {
    return (await world.call("DescribeKey", { KeyId })).noted["keyRevision"];
  }

  test("a protected key cannot be scheduled for deletion until the protection ends", async () => {
    const KeyId = await world.createKey();
    const schedule = { KeyId, PendingWindowInDays: "7" };
    assert.deepEqual(await protection(KeyId), ["Disabled", ""]);
    const Description = "The bills of ten years hang on it: é 密";
    assert.deepEqual(
      await world.ok("SetDeletionProtection", {
        KeyId,
        EnableDeletionProtection: "true",
        DeletionProtectionDescription: Description,
      }),
      {},
    );
    assert.deepEqual(await protection(KeyId), ["Enabled", Description]);
    for (const state of ["EnableKey", "DisableKey"]) {
      await world.ok(state, { KeyId });
      assert.equal(
        await world.refusal("ScheduleKeyDeletion", schedule),
        "Rejected.StateModifiedFailed: Keystate modified failed. The key is protected from deletion: SetDeletionProtection ends that.",
      );
    }
    assert.deepEqual(await protection(KeyId), ["Enabled", Description]);
    await world.ok("SetDeletionProtection", { KeyId, EnableDeletionProtection: "false" });
    assert.deepEqual(await protection(KeyId), ["Disabled", ""]);
    await world.ok("ScheduleKeyDeletion", schedule);
  });

  test("protection does not keep a key from being used, disabled or described anew", async () => {
    const KeyId = await world.createKey();
    await world.ok("SetDeletionProtection", { KeyId, EnableDeletionProtection: "true" });
    const CiphertextBlob = await world.encrypt({ KeyId, Plaintext: "eA==" });
    await world.ok("Decrypt", { CiphertextBlob });
    await world.ok("UpdateKeyDescription", { KeyId, Description: "kept" });
    await world.ok("DisableKey", { KeyId });
    assert.deepEqual(await protection(KeyId), ["Enabled", ""]);
  });

  test("each call says all: a description that is left out is empty, and none stays without protection", async () => {
    const KeyId = await world.createKey();
    const set = (parameters: Record<string, string>) => world.ok("SetDeletionProtection", { KeyId, ...parameters });
    await set({ EnableDeletionProtection: "false", DeletionProtectionDescription: "means nothing" });
    assert.deepEqual([await protection(KeyId), await revision(KeyId)], [["Disabled", ""], 1]);
    await set({ EnableDeletionProtection: "true", DeletionProtectionDescription: "a" });
    await set({ EnableDeletionProtection: "true", DeletionProtectionDescription: "a" });
    assert.deepEqual([await protection(KeyId), await revision(KeyId)], [["Enabled", "a"], 2]);
    await set({ EnableDeletionProtection: "true", DeletionProtectionDescription: "b" });
    assert.deepEqual([await protection(KeyId), await revision(KeyId)], [["Enabled", "b"], 3]);
    await set({ EnableDeletionProtection: "true" });
    assert.deepEqual([await protection(KeyId), await revision(KeyId)], [["Enabled", ""], 4]);
    await set({ EnableDeletionProtection: "true", DeletionProtectionDescription: "" });
    assert.equal(await revision(KeyId), 4);
    await set({ EnableDeletionProtection: "false", DeletionProtectionDescription: "c" });
    assert.deepEqual([await protection(KeyId), await revision(KeyId)], [["Disabled", ""], 5]);
  });

  test("names the key by its id, its ARN, or both alike", async () => {
    const [KeyId, other] = [await world.createKey(), await world.createKey()];
    const ProtectedResourceArn = arnOf(KeyId);
    const EnableDeletionProtection = "true";
    await world.ok("SetDeletionProtection", { ProtectedResourceArn, EnableDeletionProtection });
    assert.deepEqual(await protection(KeyId), ["Enabled", ""]);
    await world.ok("SetDeletionProtection", { ProtectedResourceArn, KeyId, EnableDeletionProtection: "false" });
    assert.deepEqual(await protection(KeyId), ["Disabled", ""]);

    await world.ok("CreateAlias", { AliasName: "alias/protected", KeyId });
    const wrong: readonly (readonly [parameters: Record<string, string>, refusal: RegExp | string])[] = [
      [{}, 'MissingParameter: The parameter "KeyId" is needed but not provided.'],
      [{ KmsInstanceId: "kst-1" }, /^Forbidden\.DKMSInstanceNotFound/],
      [{ KmsInstanceId: "kst-1", KeyId }, /^InvalidParameter: .*"KmsInstanceId"/],
      [{ KeyId: newKeyId() }, NOT_FOUND],
      [{ KeyId: "alias/protected" }, UNSUPPORTED_ALIAS],
      [{ KeyId: ProtectedResourceArn }, NOT_FOUND],
      [{ ProtectedResourceArn: KeyId }, /^InvalidParameter: .*"ProtectedResourceArn"/],
      [{ ProtectedResourceArn: "alias/protected" }, /^InvalidParameter: .*"ProtectedResourceArn"/],
      [{ ProtectedResourceArn: `acs:kms:${REGION}:${world.accountId}:alias/protected` }, UNSUPPORTED_ALIAS],
      [{ ProtectedResourceArn: `acs:kms:cn-beijing:${world.accountId}:key/${KeyId}` }, NOT_FOUND],
      [{ ProtectedResourceArn: arnOf(newKeyId()) }, NOT_FOUND],
      [{ ProtectedResourceArn, KeyId: other }, /^InvalidParameter: .*"ProtectedResourceArn"/],
      [{ ProtectedResourceArn, KeyId: ProtectedResourceArn }, /^InvalidParameter: .*"ProtectedResourceArn"/],
    ];
    for (const [parameters, expected] of wrong) {
      const refusal = await world.refusal("SetDeletionProtection", { EnableDeletionProtection, ...parameters });
      if (typeof expected === "string") assert.equal(refusal, expected, JSON.stringify(parameters));
      else assert.match(refusal, expected, JSON.stringify(parameters));
    }
    for (const id of [KeyId, other]) assert.deepEqual(await protection(id), ["Disabled", ""]);
  });

  test("refuses a switch that is no boolean and a description that is too long, and does nothing in a dry run", async () => {
    const KeyId = await world.createKey();
    const EnableDeletionProtection = "true";
    for (const [parameters, refusal] of [
      [{}, /^MissingParameter: .*"EnableDeletionProtection"/],
      [{ EnableDeletionProtection: "True" }, /^InvalidParameter: .*"EnableDeletionProtection"/],
      [{ EnableDeletionProtection: "1" }, /^InvalidParameter: .*"EnableDeletionProtection"/],
      [
        { EnableDeletionProtection, DeletionProtectionDescription: "x".repeat(8193) },
        /^InvalidParameter: .*"DeletionProtectionDescription"/,
      ],
      [
        { EnableDeletionProtection, DeletionProtectionDescription: "\0" },
        /^InvalidParameter: .*"DeletionProtectionDescription"/,
      ],
      [{ EnableDeletionProtection, DryRun: "true" }, /^DryRunOperationError/],
    ] as const) {
      assert.match(await world.refusal("SetDeletionProtection", { KeyId, ...parameters }), refusal);
    }
    assert.deepEqual([await protection(KeyId), await revision(KeyId)], [["Disabled", ""], 1]);
  });

  test("a key that waits for its deletion takes no protection, and one that is gone is not there", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    await own.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    for (const EnableDeletionProtection of ["true", "false"]) {
      assert.equal(await own.refusal("SetDeletionProtection", { KeyId, EnableDeletionProtection }), PENDING);
    }
    own.now += 7 * DAY_MILLIS;
    const gone = { KeyId, EnableDeletionProtection: "true" };
    assert.equal(await own.refusal("SetDeletionProtection", gone), NOT_FOUND);
  });

  test("another account finds no key by its id or its ARN, and its event tells nothing", async () => {
    const KeyId = await world.createKey();
    const as = await world.addAccount();
    for (const named of [
      { KeyId },
      { ProtectedResourceArn: arnOf(KeyId) },
      { ProtectedResourceArn: arnOf(KeyId, as) },
    ]) {
      const parameters = { EnableDeletionProtection: "true", ...named };
      const { error, noted, resource } = await world.call("SetDeletionProtection", parameters, { as });
      assert.deepEqual([`${error?.code}: ${error?.message}`, noted, resource], [NOT_FOUND, {}, undefined]);
    }
    assert.deepEqual(await protection(KeyId), ["Disabled", ""]);
  });

  test("protection that was taken off behind the server's back is found", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    await own.ok("SetDeletionProtection", { KeyId, EnableDeletionProtection: "true" });
    await own.tamper((db) =>
      db.updateTable("kms_key").set({ deletion_protection: null }).where("id", "=", KeyId).execute(),
    );
    await assert.rejects(own.call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }), TamperedRowError);
  });
});
