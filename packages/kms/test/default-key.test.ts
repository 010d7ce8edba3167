import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, REGION, strictOperations, World } from "./world.ts";

type Metadata = { readonly KeyMetadata: Readonly<Record<string, string>> };

const SECOND =
  "UnsupportedOperation: This action is not supported. The account has its one default key; further keys are made in an instance.";
const TAGS = JSON.stringify([{ TagKey: "k", TagValue: "v" }]);

forEachDatabase((database) => {
  test("an account has one default key until that is gone, and each account its own", async () => {
    await using world = await World.open(database);
    const { KeyMetadata: key } = await world.ok<Metadata>("EnableDefaultKey", { Description: "words" });
    assert.deepEqual(
      {
        spec: key["KeySpec"],
        usage: key["KeyUsage"],
        state: key["KeyState"],
        instance: key["DKMSInstanceId"],
        description: key["Description"],
        rotation: key["AutomaticRotation"],
      },
      {
        spec: "Aliyun_AES_256",
        usage: "ENCRYPT/DECRYPT",
        state: "Enabled",
        instance: "",
        description: "words",
        rotation: "Disabled",
      },
    );
    assert.equal(await world.refusal("EnableDefaultKey"), SECOND);
    const other = await world.addAccount();
    await world.ok("EnableDefaultKey", {}, { as: other });
    assert.equal(await world.refusal("EnableDefaultKey", {}, { as: other }), SECOND);

    const { KeyId = "" } = key;
    await world.ok("DisableKey", { KeyId });
    assert.equal(await world.refusal("EnableDefaultKey"), SECOND);
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    const refused = await world.call("EnableDefaultKey");
    assert.equal(refused.error?.code, "UnsupportedOperation");
    assert.ok(refused.until > world.now && refused.until <= world.now + 7 * DAY_MILLIS);
    world.now = refused.until;
    const made = await world.call("EnableDefaultKey");
    assert.equal(made.error, undefined);
    assert.equal(made.from, world.now);
    assert.equal(await world.refusal("EnableDefaultKey"), SECOND);
  });

  test("it encrypts, is given aliases, disabled and enabled like any key", async () => {
    await using world = await World.open(database);
    const KeyId = await enable(world);
    await world.ok("CreateAlias", { AliasName: "alias/default", KeyId });
    const CiphertextBlob = await world.encrypt({ KeyId: "alias/default", Plaintext: "text" });
    await world.ok("DisableKey", { KeyId });
    await world.ok("EnableKey", { KeyId });
    const { Plaintext } = await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob });
    assert.equal(Plaintext, "text");
  });

  test("it has no tags and no policy, and only one interval of rotation", async () => {
    await using world = await World.open(database);
    const KeyId = await enable(world);
    const common = await world.createKey();
    const noTags = "UnsupportedOperation: This action is not supported. A default key has no tags.";
    const many = { RegionId: REGION, ResourceType: "key" };
    const tag = { "Tag.1.Key": "k", "Tag.1.Value": "v" };
    assert.equal(await world.refusal("TagResource", { KeyId, Tags: TAGS }), noTags);
    assert.equal(
      await world.refusal("TagResources", { ...many, "ResourceId.1": common, "ResourceId.2": KeyId, ...tag }),
      noTags,
    );
    await world.ok("TagResource", { KeyId: common, Tags: TAGS });
    await world.ok("UntagResource", { KeyId, TagKeys: JSON.stringify(["k"]) });

    const { Policy = "" } = await world.ok<Record<string, string>>("GetKeyPolicy", { KeyId: common });
    const noPolicy = "Forbidden.KeyPolicyUnSupported: The specified key does not support key policy.";
    assert.equal(await world.refusal("GetKeyPolicy", { KeyId }), noPolicy);
    assert.equal(await world.refusal("SetKeyPolicy", { KeyId, Policy }), noPolicy);

    const rotation = { KeyId, EnableAutomaticRotation: "true" };
    assert.match(
      await world.refusal("UpdateRotationPolicy", { ...rotation, RotationInterval: "364d" }),
      /^InvalidParameter: .*RotationInterval.* every 365d\.$/,
    );
    await world.ok("UpdateRotationPolicy", { ...rotation, RotationInterval: "365d" });
    await world.ok("UpdateRotationPolicy", { KeyId, EnableAutomaticRotation: "false", RotationInterval: "30d" });
  });

  test("it is rotated every 365 days or waits for imported material, where that is asked for", async () => {
    await using world = await World.open(database);
    const both = { Origin: "EXTERNAL", EnableAutomaticRotation: "true" };
    assert.match(await world.refusal("EnableDefaultKey", both), /^InvalidParameter: .*EnableAutomaticRotation/);
    const rotated = await world.ok<Metadata>("EnableDefaultKey", { EnableAutomaticRotation: "true" });
    assert.equal(rotated.KeyMetadata["RotationInterval"], `${365 * 24 * 60 * 60}s`);
    const other = await world.addAccount();
    const external = await world.ok<Metadata>("EnableDefaultKey", { Origin: "EXTERNAL" }, { as: other });
    assert.equal(external.KeyMetadata["KeyState"], "PendingImport");
  });

  test("strictly, CreateKey without an instance makes the default key and no other", async () => {
    await using world = await World.open(database, { operations: strictOperations });
    const unsupported = /^UnsupportedOperation: This action is not supported\. A default key/;
    assert.match(await world.refusal("CreateKey", { KeySpec: "RSA_2048" }), unsupported);
    assert.match(await world.refusal("CreateKey", { Tags: TAGS }), unsupported);
    const Policy = JSON.stringify({
      Version: "1",
      Statement: [
        {
          Effect: "Allow",
          Principal: { RAM: [`acs:ram::${world.accountId}:*`] },
          Action: ["kms:*"],
          Resource: ["*"],
        },
      ],
    });
    assert.match(await world.refusal("CreateKey", { Policy }), /^Forbidden\.KeyPolicyUnSupported: /);
    const rotation = { EnableAutomaticRotation: "true", RotationInterval: "30d" };
    assert.match(await world.refusal("CreateKey", rotation), /^InvalidParameter: .*RotationInterval.* every 365d\.$/);

    const KeyId = await world.createKey({ ...rotation, RotationInterval: "365d" });
    assert.match(await world.refusal("TagResource", { KeyId, Tags: TAGS }), unsupported);
    assert.equal(await world.refusal("CreateKey"), SECOND);
    assert.equal(await world.refusal("EnableDefaultKey"), SECOND);
  });
});

async function enable(world: World): Promise<string> {
  return (await world.ok<{ KeyMetadata: { KeyId: string } }>("EnableDefaultKey")).KeyMetadata.KeyId;
}
