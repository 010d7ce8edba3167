import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newKeyId, type Operation, rootPrincipal } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, declared, REGION, World } from "./world.ts";

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

  test("an alias is given to another key, keeps its place in lists, and says both keys in the event", async () => {
    await using own = await World.open(database);
    const [one, two] = [await own.createKey(), await own.createKey()];
    await own.ok("CreateAlias", { AliasName: "alias/first", KeyId: one });
    own.now += 1000;
    await own.ok("CreateAlias", { AliasName: "alias/second", KeyId: two });
    own.now += 1000;
    await own.ok("DisableKey", { KeyId: one });

    const moved = await own.call("UpdateAlias", { AliasName: "alias/first", KeyId: two });
    assert.deepEqual(moved.result, {});
    assert.deepEqual(moved.noted, { keyId: two, keyRevision: 1, previousKeyId: one, previousKeyRevision: 2 });
    assert.equal(moved.resource, `ACS::KMS::Key ${two}`);
    const { noted } = await own.call("DescribeKey", { KeyId: "alias/first" });
    assert.equal(noted["keyId"], two);
    const listed = await own.ok<{ Aliases: { Alias: Record<string, string>[] } }>("ListAliases");
    assert.deepEqual(
      listed.Aliases.Alias.map(({ AliasName, KeyId }) => [AliasName, KeyId]),
      [
        ["alias/first", two],
        ["alias/second", two],
      ],
    );
    // A key may be disabled, both the one that gets the alias and the one that loses it.
    await own.ok("UpdateAlias", { AliasName: "alias/first", KeyId: one });
    await own.ok("DisableKey", { KeyId: two });
    await own.ok("UpdateAlias", { AliasName: "alias/first", KeyId: two });
  });

  test("an alias that stands for the key already is left as it is", async () => {
    const KeyId = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/stays", KeyId });
    const { result, noted } = await world.call("UpdateAlias", { AliasName: "alias/stays", KeyId });
    assert.deepEqual([result, noted], [{}, { keyId: KeyId, keyRevision: 1 }]);
    assert.equal(await keyOf("alias/stays"), KeyId);
  });

  test("no alias is given to a key that waits for its deletion, but taken from one", async () => {
    await using own = await World.open(database);
    const [going, kept] = [await own.createKey(), await own.createKey()];
    await own.ok("CreateAlias", { AliasName: "alias/of-going", KeyId: going });
    await own.ok("CreateAlias", { AliasName: "alias/of-kept", KeyId: kept });
    await own.ok("CreateAlias", { AliasName: "alias/left", KeyId: going });
    await own.ok("ScheduleKeyDeletion", { KeyId: going, PendingWindowInDays: "7" });
    const pending = "Rejected.PendingDeletion: The request was rejected because the key state is PendingDeletion.";
    for (const AliasName of ["alias/of-kept", "alias/of-going"]) {
      assert.equal(await own.refusal("UpdateAlias", { AliasName, KeyId: going }), pending);
    }
    await own.ok("UpdateAlias", { AliasName: "alias/of-going", KeyId: kept });

    own.now += 7 * DAY_MILLIS;
    assert.equal((await own.call("DescribeKey", { KeyId: "alias/of-going" })).noted["keyId"], kept);
    assert.equal(await own.refusal("UpdateAlias", { AliasName: "alias/left", KeyId: kept }), NOT_FOUND);
    assert.equal(
      await own.refusal("UpdateAlias", { AliasName: "alias/of-kept", KeyId: going }),
      "Forbidden.KeyNotFound: The specified Key is not found.",
    );
  });

  test("UpdateAlias finds what it names, in the caller's account only, and does nothing in a dry run", async () => {
    const [KeyId, other] = [await world.createKey(), await world.createKey()];
    const AliasName = "alias/found";
    await world.ok("CreateAlias", { AliasName, KeyId });
    const keyNotFound = "Forbidden.KeyNotFound: The specified Key is not found.";
    for (const [parameters, expected] of [
      [{ AliasName: "alias/no-such", KeyId }, NOT_FOUND],
      [{ AliasName, KeyId: newKeyId() }, keyNotFound],
      [{ AliasName, KeyId: `acs:kms:${REGION}:${world.accountId}:key/${other}` }, keyNotFound],
      [{ AliasName, KeyId: AliasName }, "Unsupported.Alias: Alias is not valid for this api."],
      [{ KeyId }, 'MissingParameter: The parameter "AliasName" is needed but not provided.'],
      [{ AliasName }, 'MissingParameter: The parameter "KeyId" is needed but not provided.'],
    ] as const) {
      assert.equal(await world.refusal("UpdateAlias", parameters), expected);
    }
    for (const bad of ["found", "alias/", "alias/a b", `alias/${"x".repeat(256)}`]) {
      assert.match(
        await world.refusal("UpdateAlias", { AliasName: bad, KeyId: other }),
        /^InvalidParameter: .*"AliasName"/,
      );
    }
    assert.match(await world.refusal("UpdateAlias", { AliasName, KeyId: other, DryRun: "true" }), /^DryRunOperation/);

    const as = await world.addAccount();
    const { result } = await world.call("CreateKey", {}, { as });
    const { KeyId: theirs } = (result as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    assert.equal(await world.refusal("UpdateAlias", { AliasName, KeyId: theirs }, { as }), NOT_FOUND);
    const hidden = await world.call("UpdateAlias", { AliasName, KeyId: other }, { as });
    assert.deepEqual([hidden.error?.code, hidden.noted, hidden.resource], ["Forbidden.KeyNotFound", {}, undefined]);
    assert.equal(await keyOf(AliasName), KeyId);
  });

  test("moving an alias needs a right on it and on both keys", async () => {
    const [one, two] = [await world.createKey(), await world.createKey()];
    const AliasName = "alias/rights";
    await world.ok("CreateAlias", { AliasName, KeyId: one });
    // A declaration hides these two from its users; the spread that makes it keeps them.
    const operation = declared("UpdateAlias") as unknown as Pick<Operation, "target" | "access">;
    const context = world.contextOf(rootPrincipal({ accountId: world.accountId, accessKeyId: "LTAI5tTest" }));
    const target = await operation.target(context, {
      AliasName,
      KeyId: { names: "key", name: two, place: undefined },
    });
    const arn = (resource: string) => `acs:kms:${REGION}:${world.accountId}:${resource}`;
    assert.deepEqual(
      operation.access(context, target).map(({ action, resource }) => [action, resource]),
      [AliasName, `key/${two}`, `key/${one}`].map((resource) => ["kms:UpdateAlias", arn(resource)]),
    );
  });

  test("lists the aliases of one key, from the oldest on, page by page, in any state of the key", async () => {
    await using own = await World.open(database);
    const [KeyId, other] = [await own.createKey(), await own.createKey()];
    const names = ["alias/c", "alias/a", "alias/b"];
    for (const AliasName of names) {
      await own.ok("CreateAlias", { AliasName, KeyId });
      own.now += 1;
    }
    await own.ok("CreateAlias", { AliasName: "alias/other", KeyId: other });
    const entry = (AliasName: string) => ({
      AliasName,
      AliasArn: `acs:kms:${REGION}:${own.accountId}:${AliasName}`,
      KeyId,
    });
    const whole = { Aliases: { Alias: names.map(entry) }, PageNumber: 1, PageSize: 10, TotalCount: 3 };
    assert.deepEqual(await own.ok("ListAliasesByKeyId", { KeyId }), whole);
    assert.deepEqual(await own.ok("ListAliasesByKeyId", { KeyId, PageSize: "2", PageNumber: "2" }), {
      Aliases: { Alias: [entry("alias/b")] },
      PageNumber: 2,
      PageSize: 2,
      TotalCount: 3,
    });
    const empty = { Aliases: { Alias: [] }, TotalCount: 3 };
    assert.deepEqual(await own.ok("ListAliasesByKeyId", { KeyId, PageSize: "0" }), {
      ...empty,
      PageNumber: 1,
      PageSize: 0,
    });
    assert.deepEqual(await own.ok("ListAliasesByKeyId", { KeyId, PageSize: "101", PageNumber: "2147483647" }), {
      ...empty,
      PageNumber: 2147483647,
      PageSize: 101,
    });
    await own.ok("DisableKey", { KeyId });
    assert.deepEqual(await own.ok("ListAliasesByKeyId", { KeyId }), whole);
    await own.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    const deleteAt = Math.floor((own.now + 7 * DAY_MILLIS) / 1000) * 1000;
    const { result, until, noted } = await own.call("ListAliasesByKeyId", { KeyId });
    assert.deepEqual([result, until, noted], [whole, deleteAt, { keyId: KeyId, keyRevision: 3 }]);

    own.now = deleteAt;
    const keyNotFound = "Forbidden.KeyNotFound: The specified Key is not found.";
    assert.equal(await own.refusal("ListAliasesByKeyId", { KeyId }), keyNotFound);
    const { result: left, from } = await own.call("ListAliasesByKeyId", { KeyId: other });
    assert.deepEqual([left?.["TotalCount"], from], [1, deleteAt]);
    const none = await own.createKey();
    assert.equal((await own.ok("ListAliasesByKeyId", { KeyId: none }))["TotalCount"], 0);
  });

  test("ListAliasesByKeyId finds a key by its id only, and none of another account", async () => {
    const KeyId = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/listed", KeyId });
    const keyNotFound = "Forbidden.KeyNotFound: The specified Key is not found.";
    const arn = `acs:kms:${REGION}:${world.accountId}:key/${KeyId}`;
    assert.equal(
      await world.refusal("ListAliasesByKeyId", { KeyId: "alias/listed" }),
      "Unsupported.Alias: Alias is not valid for this api.",
    );
    assert.equal(await world.refusal("ListAliasesByKeyId", { KeyId: arn }), keyNotFound);
    assert.equal(await world.refusal("ListAliasesByKeyId", { KeyId: newKeyId() }), keyNotFound);
    assert.match(await world.refusal("ListAliasesByKeyId", { KeyId, DryRun: "true" }), /^DryRunOperationError/);
    assert.match(await world.refusal("ListAliasesByKeyId", {}), /^MissingParameter: .*"KeyId"/);
    const as = await world.addAccount();
    const { error, noted, resource } = await world.call("ListAliasesByKeyId", { KeyId }, { as });
    assert.deepEqual([`${error?.code}: ${error?.message}`, noted, resource], [keyNotFound, {}, undefined]);
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
