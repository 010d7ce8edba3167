import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newKeyId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, REGION, World } from "./world.ts";

const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function description(KeyId: string): Promise<string | undefined> {
    const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
    return KeyMetadata["Description"];
  }

  test("says anew what a key is for, up to 8192 characters, and nothing else of it changes", async () => {
    const KeyId = await world.createKey({ Description: "for orders" });
    const before = await world.ok<{ KeyMetadata: object }>("DescribeKey", { KeyId });
    for (const Description of ["for bills", "密".repeat(8192), " ", "for orders\n\u{1f511}"]) {
      assert.deepEqual(await world.ok("UpdateKeyDescription", { KeyId, Description }), {});
      assert.equal(await description(KeyId), Description);
    }
    await world.ok("UpdateKeyDescription", { KeyId, Description: "for orders" });
    assert.deepEqual(await world.ok("DescribeKey", { KeyId }), before);
  });

  test("the same words again write nothing", async () => {
    const KeyId = await world.createKey({ Description: "for orders" });
    const { noted, resource } = await world.call("UpdateKeyDescription", { KeyId, Description: "for orders" });
    assert.deepEqual([noted, resource], [{ keyId: KeyId, keyRevision: 1 }, `ACS::KMS::Key ${KeyId}`]);
    await world.ok("UpdateKeyDescription", { KeyId, Description: "for bills" });
    assert.equal((await world.call("DescribeKey", { KeyId })).noted["keyRevision"], 2);
  });

  test("a disabled key can be described anew, one that waits for its deletion or is gone cannot", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    await own.ok("DisableKey", { KeyId });
    await own.ok("UpdateKeyDescription", { KeyId, Description: "resting" });
    await own.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    for (const Description of ["going", "resting"]) {
      assert.equal(
        await own.refusal("UpdateKeyDescription", { KeyId, Description }),
        "Rejected.PendingDeletion: The request was rejected because the key state is PendingDeletion.",
      );
    }
    own.now += 7 * DAY_MILLIS;
    assert.equal(await own.refusal("UpdateKeyDescription", { KeyId, Description: "gone" }), NOT_FOUND);
  });

  test("refuses what is missing, too long or cannot be stored, and changes nothing in a dry run", async () => {
    const KeyId = await world.createKey({ Description: "for orders" });
    for (const [parameters, refusal] of [
      [{ KeyId }, /^MissingParameter: The parameter "Description"/],
      [{ KeyId, Description: "" }, /^MissingParameter: The parameter "Description"/],
      [{ Description: "x" }, /^MissingParameter: The parameter "KeyId"/],
      [{ KeyId, Description: "x".repeat(8193) }, /^InvalidParameter: .*"Description".*8192/],
      [{ KeyId, Description: "\0" }, /^InvalidParameter: .*"Description"/],
      [{ KeyId, Description: "\ud800" }, /^InvalidParameter: .*"Description"/],
      [{ KeyId, Description: "x", DryRun: "true" }, /^DryRunOperationError/],
    ] as const) {
      assert.match(await world.refusal("UpdateKeyDescription", parameters), refusal);
    }
    assert.equal(await description(KeyId), "for orders");
  });

  test("finds a key by its id only, and none of another account", async () => {
    const KeyId = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/described", KeyId });
    const Description = "x";
    const refusal = (named: string, as = world.accountId) =>
      world.refusal("UpdateKeyDescription", { KeyId: named, Description }, { as });
    assert.equal(await refusal("alias/described"), "Unsupported.Alias: Alias is not valid for this api.");
    assert.equal(await refusal(`acs:kms:${REGION}:${world.accountId}:key/${KeyId}`), NOT_FOUND);
    const other = await world.addAccount();
    for (const named of [KeyId, newKeyId(), `acs:kms:${REGION}:${world.accountId}:key/${KeyId}`]) {
      assert.equal(await refusal(named, other), NOT_FOUND);
    }
    const { noted, resource } = await world.call("UpdateKeyDescription", { KeyId, Description }, { as: other });
    assert.deepEqual([noted, resource], [{}, undefined]);
  });
});
