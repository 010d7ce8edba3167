import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, World } from "./world.ts";

const UNSUPPORTED = "Rejected.UnsupportedOperation: Unsupported operation.";

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function rotation(KeyId: string, from = world): Promise<(string | undefined)[]> {
    const { KeyMetadata } = await from.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
    const { AutomaticRotation, RotationInterval, LastRotationDate, NextRotationDate } = KeyMetadata;
    return [AutomaticRotation, RotationInterval, LastRotationDate, NextRotationDate];
  }

  async function versions(KeyId: string, from = world): Promise<number> {
    return (await from.ok<{ TotalCount: number }>("ListKeyVersions", { KeyId })).TotalCount;
  }

  test("a key is made with a rotation policy, and says in seconds how often it is rotated", async () => {
    const { result } = await world.call("CreateKey", { EnableAutomaticRotation: "true", RotationInterval: "10d" });
    const { KeyMetadata } = result as { KeyMetadata: Record<string, string> };
    const { KeyId = "", AutomaticRotation, RotationInterval, NextRotationDate } = KeyMetadata;
    assert.deepEqual([AutomaticRotation, RotationInterval], ["Enabled", "864000s"]);
    assert.equal(NextRotationDate, "2026-01-12T03:04:05Z");
    assert.deepEqual(await rotation(KeyId), ["Enabled", "864000s", "2026-01-02T03:04:05Z", NextRotationDate]);
    const plain = await world.createKey({ RotationInterval: "10d" });
    assert.deepEqual(await rotation(plain), ["Disabled", undefined, "2026-01-02T03:04:05Z", undefined]);
  });

  test("the policy of a key is changed, ended, and suspended while the key is not enabled", async () => {
    const KeyId = await world.createKey();
    const update = (EnableAutomaticRotation: string, RotationInterval?: string) =>
      world.ok("UpdateRotationPolicy", {
        KeyId,
        EnableAutomaticRotation,
        ...(RotationInterval !== undefined && { RotationInterval }),
      });
    await update("true", "604800s");
    const weekly = ["2026-01-02T03:04:05Z", "2026-01-09T03:04:05Z"];
    assert.deepEqual(await rotation(KeyId), ["Enabled", "604800s", ...weekly]);
    await update("true", "730d");
    assert.deepEqual(await rotation(KeyId), ["Enabled", "63072000s", "2026-01-02T03:04:05Z", "2028-01-02T03:04:05Z"]);
    await update("true", "168h");
    await world.ok("DisableKey", { KeyId });
    assert.deepEqual(await rotation(KeyId), ["Suspended", "604800s", ...weekly]);
    await world.ok("EnableKey", { KeyId });
    assert.deepEqual(await rotation(KeyId), ["Enabled", "604800s", ...weekly]);
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    assert.deepEqual(await rotation(KeyId), ["Suspended", "604800s", ...weekly]);
    await world.ok("CancelKeyDeletion", { KeyId });
    await update("false", "30d");
    assert.deepEqual(await rotation(KeyId), ["Disabled", undefined, "2026-01-02T03:04:05Z", undefined]);
    // What is so already changes nothing.
    const { keyRevision } = (await world.call("DescribeKey", { KeyId })).noted;
    await update("false");
    assert.equal((await world.call("DescribeKey", { KeyId })).noted["keyRevision"], keyRevision);
    assert.equal(await versions(KeyId), 1);
  });

  test("a policy whose next rotation is past rotates the key at once", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    const blob = await own.encrypt({ KeyId, Plaintext: "text" });
    own.now += 7 * DAY_MILLIS;
    const { noted } = await own.call("UpdateRotationPolicy", {
      KeyId,
      EnableAutomaticRotation: "true",
      RotationInterval: "7d",
    });
    const { KeyMetadata } = await own.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
    assert.equal(KeyMetadata["PrimaryKeyVersion"], noted["keyVersionId"]);
    assert.deepEqual(await rotation(KeyId, own), [
      "Enabled",
      "604800s",
      "2026-01-09T03:04:05Z",
      "2026-01-16T03:04:05Z",
    ]);
    assert.equal((await own.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob: blob })).Plaintext, "text");
    // A millisecond sooner it is not.
    const other = await own.createKey();
    own.now = Date.UTC(2026, 0, 16, 3, 4, 5) - 1;
    await own.ok("UpdateRotationPolicy", { KeyId: other, EnableAutomaticRotation: "true", RotationInterval: "7d" });
    assert.equal(await versions(other, own), 1);
    // A version made by hand counts as a rotation.
    await own.ok("CreateKeyVersion", { KeyId });
    assert.deepEqual((await rotation(KeyId, own)).slice(2), ["2026-01-16T03:04:04Z", "2026-01-23T03:04:04Z"]);
  });

  test("refuses intervals that are missing, malformed, too short or too long", async () => {
    const KeyId = await world.createKey();
    const enable = (interval: Record<string, string>): Promise<string> =>
      world.refusal("UpdateRotationPolicy", { KeyId, EnableAutomaticRotation: "true", ...interval });
    const MISSING = 'MissingParameter: The parameter "RotationInterval" is needed but not provided.';
    assert.equal(await enable({}), MISSING);
    assert.equal(await world.refusal("CreateKey", { EnableAutomaticRotation: "true" }), MISSING);
    for (const RotationInterval of ["6d", "604799s", "731d", "7", "d", "-7d", "1e3d", "7 d", "07.5d"]) {
      assert.match(await enable({ RotationInterval }), /^InvalidParameter: .*from 7d to 730d\.$/, RotationInterval);
    }
    assert.match(
      await world.refusal("CreateKey", { EnableAutomaticRotation: "true", RotationInterval: "366d" }),
      /^InvalidParameter: .*from 7d to 365d\.$/,
    );
    assert.deepEqual((await rotation(KeyId)).slice(0, 1), ["Disabled"]);
  });

  test("keys that cannot be rotated are told so", async () => {
    const policy = { EnableAutomaticRotation: "true", RotationInterval: "7d" };
    const mac = await world.createKey({ KeySpec: "HMAC_SHA_256" });
    assert.equal(
      await world.refusal("UpdateRotationPolicy", { KeyId: mac, ...policy }),
      `${UNSUPPORTED} Only symmetric keys whose material is made here are rotated.`,
    );
    assert.equal(
      await world.refusal("CreateKeyVersion", { KeyId: mac }),
      `${UNSUPPORTED} A key for message authentication has one version.`,
    );
    assert.match(
      await world.refusal("CreateKey", { KeySpec: "HMAC_SHA_256", ...policy }),
      /^InvalidParameter: .*"EnableAutomaticRotation".*Only symmetric keys/,
    );
    assert.equal(await versions(mac), 1);
  });
});
