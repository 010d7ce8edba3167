import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, REGION, World } from "./world.ts";

const NOT_FOUND = "Forbidden.AliasNotFound: The specified Alias is not found.";

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function keyOf(alias: string): Promise<string> {
    return (await world.ok<{ KeyMetadata: { KeyId: string } }>("DescribeKey", { KeyId: alias })).KeyMetadata.KeyId;
  }

  test("an alias stands for its key until it is deleted", async () => {
    const KeyId = await world.createKey();
    const AliasName = "alias/Orders/2026_a-b";
    await world.ok("CreateAlias", { AliasName, KeyId });
    assert.equal(await keyOf(AliasName), KeyId);
    await world.ok("DeleteAlias", { AliasName });
    assert.equal(await world.refusal("DescribeKey", { KeyId: AliasName }), NOT_FOUND);
    assert.equal(await world.refusal("DeleteAlias", { AliasName }), NOT_FOUND);
    const next = await world.createKey();
    await world.ok("CreateAlias", { AliasName, KeyId: next });
    assert.equal(await keyOf(AliasName), next);
  });

  test("a name is taken once in an account, and is free in another", async () => {
    const AliasName = "alias/taken";
    const KeyId = await world.createKey();
    await world.ok("CreateAlias", { AliasName, KeyId });
    const taken = "AliasAlreadyExists: AliasName Already Exists.";
    assert.equal(await world.refusal("CreateAlias", { AliasName, KeyId }), taken);
    assert.equal(await world.refusal("CreateAlias", { AliasName, KeyId: await world.createKey() }), taken);
    const as = await world.addAccount();
    const { result } = await world.call("CreateKey", {}, { as });
    const { KeyId: other } = (result as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    assert.equal(await world.refusal("CreateAlias", { AliasName, KeyId: other }, { as }), "no error");
    assert.equal(
      await world.refusal("CreateAlias", { AliasName: "alias/mine", KeyId }, { as }),
      "Forbidden.KeyNotFound: The specified Key is not found.",
    );
  });

  test("a key that waits for its deletion takes no alias but loses them, and a disabled one does both", async () => {
    const KeyId = await world.createKey();
    await world.ok("DisableKey", { KeyId });
    await world.ok("CreateAlias", { AliasName: "alias/disabled", KeyId });
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    assert.equal(
      await world.refusal("CreateAlias", { AliasName: "alias/pending", KeyId }),
      "Rejected.StateModifiedFailed: Keystate modified failed.",
    );
    await world.ok("DeleteAlias", { AliasName: "alias/disabled" });
  });

  test("the name of a key that is gone can be taken again", async () => {
    await using own = await World.open(database);
    const AliasName = "alias/again";
    const [old, next] = [await own.createKey(), await own.createKey()];
    await own.ok("CreateAlias", { AliasName, KeyId: old });
    assert.equal((await own.call("DescribeKey", { KeyId: AliasName })).noted["keyId"], old);
    await own.ok("ScheduleKeyDeletion", { KeyId: old, PendingWindowInDays: "7" });
    assert.match(await own.refusal("CreateAlias", { AliasName, KeyId: next }), /^AliasAlreadyExists/);
    own.now += 7 * DAY_MILLIS;
    await own.ok("CreateAlias", { AliasName, KeyId: next });
    assert.equal((await own.call("DescribeKey", { KeyId: AliasName })).noted["keyId"], next);
    assert.equal((await own.ok("ListAliases"))["TotalCount"], 1);
  });

  test("lists aliases from the oldest on, page by page, with the number of all", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    const names = ["alias/c", "alias/a", "alias/b"];
    for (const AliasName of names) {
      await own.ok("CreateAlias", { AliasName, KeyId });
      own.now += 1;
    }
    assert.deepEqual(await own.ok("ListAliases", { PageSize: "2" }), {
      Aliases: {
        Alias: names.slice(0, 2).map((name) => ({
          AliasName: name,
          AliasArn: `acs:kms:${REGION}:${own.accountId}:${name}`,
          KeyId,
        })),
      },
      PageNumber: 1,
      PageSize: 2,
      TotalCount: 3,
    });
    const empty = await own.ok("ListAliases", { PageSize: "0" });
    assert.deepEqual(empty, { Aliases: { Alias: [] }, PageNumber: 1, PageSize: 0, TotalCount: 3 });
    const last = await own.ok<{ Aliases: { Alias: { AliasName: string }[] } }>("ListAliases", {
      PageSize: "2",
      PageNumber: "2",
    });
    assert.deepEqual(
      last.Aliases.Alias.map(({ AliasName }) => AliasName),
      ["alias/b"],
    );
  });

  test("refuses names that cannot be, or are reserved", async () => {
    const KeyId = await world.createKey();
    for (const AliasName of [
      "orders",
      "alias/",
      "alias/a b",
      "alias/ä",
      "alias/a.b",
      `alias/${"x".repeat(256)}`,
      "alias/acs/oss",
      "alias/acsx",
    ]) {
      assert.match(await world.refusal("CreateAlias", { AliasName, KeyId }), /^InvalidParameter: .*"AliasName"/);
    }
    await world.ok("CreateAlias", { AliasName: `alias/${"x".repeat(255)}`, KeyId });
  });
});
