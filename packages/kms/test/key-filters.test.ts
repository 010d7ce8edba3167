import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AccountId, type Principal, rootOnly } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { areAboutTags } from "../src/key/key-filters.ts";
import { listKeys } from "../src/key/list-keys.ts";
import { World } from "./world.ts";

type Filter = readonly [Key: string, ...Values: readonly string[]];

/** A user of an account. */
function userOf(accountId: AccountId): Principal {
  const arn = `acs:ram::${accountId}:user/alice`;
  return { type: "ram-user", accountId, accessKeyId: "LTAI5tUser", arn, userId: "21", userName: "alice" };
}

forEachDatabase((database) => {
  let world: World;
  let keys: readonly string[];
  before(async () => {
    world = await World.open(database);
    const tags = (all: Readonly<Record<string, string>>) =>
      JSON.stringify(Object.entries(all).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));
    const made = [
      await world.createKey({ Tags: tags({ env: "prod", team: "a" }) }),
      await world.createKey({ Tags: tags({ env: "test", stage: "prod" }) }),
      await world.createKey(),
      await world.createKey(),
    ];
    const [first = "", second = "", third = "", fourth = ""] = made;
    await world.ok("CreateAlias", { AliasName: "alias/one", KeyId: first });
    await world.ok("CreateAlias", { AliasName: "alias/uno", KeyId: first });
    await world.ok("CreateAlias", { AliasName: "alias/two", KeyId: second });
    await world.ok("DisableKey", { KeyId: third });
    await world.ok("ScheduleKeyDeletion", { KeyId: fourth, PendingWindowInDays: "7" });
    const as = await world.addAccount();
    const { result } = await world.call("CreateKey", { Tags: tags({ env: "prod", foreign: "1" }) }, { as });
    const { KeyId: foreign } = (result as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    await world.call("CreateAlias", { AliasName: "alias/foreign", KeyId: foreign }, { as });
    keys = [...made, foreign];
  });
  after(() => world[Symbol.asyncDispose]());

  /** The numbers of the keys that are listed; the foreign one is 4. */
  async function filtered(...filters: readonly Filter[]): Promise<string> {
    const Filters = JSON.stringify(filters.map(([Key, ...Values]) => ({ Key, Values })));
    const { Keys, TotalCount } = await world.ok<{
      Keys: { Key: readonly { KeyId: string }[] };
      TotalCount: number;
    }>("ListKeys", { Filters });
    assert.equal(TotalCount, Keys.Key.length);
    const numbers = Keys.Key.map(({ KeyId }) => String(keys.indexOf(KeyId)));
    return numbers.toSorted().join("");
  }

  test("lists the keys that have one of the values, by every published field", async () => {
    const [first = "", , third = "", , foreign = ""] = keys;
    assert.equal(await filtered(["KeyState", "Enabled"]), "01");
    assert.equal(await filtered(["KeyState", "Disabled", "PendingDeletion", "PendingImport"]), "23");
    assert.equal(await filtered(["KeySpec", "Aliyun_AES_256"]), "0123");
    assert.equal(await filtered(["KeySpec", "RSA_2048", "aliyun_aes_256"]), "");
    assert.equal(await filtered(["KeyUsage", "ENCRYPT/DECRYPT"]), "0123");
    assert.equal(await filtered(["KeyUsage", "SIGN/VERIFY"]), "");
    assert.equal(await filtered(["ProtectionLevel", "SOFTWARE"]), "0123");
    assert.equal(await filtered(["ProtectionLevel", "HSM"]), "");
    assert.equal(await filtered(["CreatorType", "User"]), "0123");
    assert.equal(await filtered(["CreatorType", "Service"]), "");
    assert.equal(await filtered(["CreatorType", "Service", "User"]), "0123");
    assert.equal(await filtered(["DKMSInstanceId", "kst-1"]), "");
    assert.equal(await filtered(["DKMSInstanceId", "kst-1", ""]), "0123");
    assert.equal(await filtered(["keyId", third, first, "x", foreign]), "02");
    assert.equal(await filtered(["AliasName", "alias/one", "alias/uno", "alias/foreign"]), "0");
    assert.equal(await filtered(["AliasName", "one"]), "");
    assert.equal(await filtered(["Creator", world.accountId]), "0123");
    assert.equal(await filtered(["Creator", "OSS"]), "");
    assert.equal(await filtered(["TagKey", "env", "foreign"]), "01");
    assert.equal(await filtered(["TagValue", "prod"]), "01");
  });

  test("every field must pass, values of one field come together, and a field without values lets all pass", async () => {
    const [first = ""] = keys;
    assert.equal(await filtered(["KeyState", "Enabled"], ["keyId", first]), "0");
    assert.equal(await filtered(["KeyState", "Disabled"], ["keyId", first]), "");
    assert.equal(await filtered(["AliasName", "alias/one"], ["AliasName", "alias/two"]), "01");
    assert.equal(await filtered(["TagKey", "env"], ["TagValue", "prod"]), "0");
    assert.equal(await filtered(["TagKey", "env", "stage"], ["TagValue", "prod"]), "01");
    assert.equal(await filtered(["TagKey"], ["AliasName"], ["keyId"]), "0123");
    assert.equal(await filtered(["keyId"], ["keyId", first]), "0");
    assert.equal(await filtered(), "0123");
    assert.equal(
      await filtered(...Array.from({ length: 10 }, () => ["keyId", ...Array<string>(10).fill("x")] as const)),
      "",
    );
  });

  test("by tags, looks only at so many keys whose tags somebody may be denied", async () => {
    await using own = await World.open(database);
    const Tags = '[{"TagKey":"env","TagValue":"prod"}]';
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push(await own.createKey({ Tags }));
    const [first = "", second = ""] = ids;
    const { Policy } = await own.ok<{ Policy: string }>("GetKeyPolicy", { KeyId: first });
    for (const KeyId of [first, second]) await own.ok("SetKeyPolicy", { KeyId, Policy });
    const asked: string[] = [];
    own.authorizer = {
      ...rootOnly,
      decide(_, { resource }) {
        asked.push(resource.replace(/^.*\//, ""));
        return resource.endsWith(`/${first}`)
          ? { allowed: false, gate: "resource", explicit: true }
          : { allowed: true, by: "root" };
      },
    };
    const list = listKeys({ authorizer: own.authorizer, mostLookedAt: 2 });
    const wire = { Filters: '[{"Key":"TagKey","Values":["env"]}]', PageSize: "1" };
    const page = async (PageNumber: string) => {
      const { result } = await own.run(list, { ...wire, PageNumber });
      const { Keys, TotalCount } = result as { Keys: { Key: readonly { KeyId: string }[] }; TotalCount: number };
      assert.equal(TotalCount, 2);
      return Keys.Key.map(({ KeyId }) => KeyId);
    };
    assert.deepEqual(
      [...(await page("1")), ...(await page("2")), ...(await page("3"))].toSorted(),
      ids.slice(1).toSorted(),
    );
    assert.ok(asked.includes(first) && asked.includes(second) && !asked.includes(ids[2] ?? ""));

    const by = userOf(own.accountId);
    const { error } = await own.run(list, wire, { by });
    assert.match(`${error?.code}: ${error?.message}`, /^InvalidParameter: .*More than 2 keys/);
    const Filters = JSON.stringify([
      { Key: "TagKey", Values: ["env"] },
      { Key: "keyId", Values: [first, second] },
    ]);
    const { result } = await own.run(list, { Filters }, { by });
    assert.equal(result?.["TotalCount"], 1);
  });

  test("only lists by tags wait in a queue, however the filters are written", () => {
    assert.ok(areAboutTags('[{"Key":"\\u0054agKey","Values":["a"]}]'));
    assert.ok(areAboutTags('[{"Key":"keyId","Values":["a"]},{"Key":"TagValue","Values":["a"]}]'));
    for (const sent of [
      undefined,
      "",
      "[]",
      "{",
      '[{"Key":"TagKey","Values":[]}]',
      '[{"Key":"keyId","Values":["TagKey"]}]',
    ]) {
      assert.ok(!areAboutTags(sent));
    }
  });

  test("turns the pages of what passes, and counts only that", async () => {
    const Filters = '[{"Key":"KeyState","Values":["Enabled"]}]';
    const page = async (PageNumber: string) => {
      const { Keys, ...rest } = await world.ok<{ Keys: { Key: readonly { KeyId: string }[] } }>("ListKeys", {
        Filters,
        PageNumber,
        PageSize: "1",
      });
      assert.deepEqual(rest, { PageNumber: Number(PageNumber), PageSize: 1, TotalCount: 2 });
      return Keys.Key.map(({ KeyId }) => KeyId);
    };
    const ids = [...(await page("1")), ...(await page("2")), ...(await page("3"))];
    assert.deepEqual(ids.toSorted(), keys.slice(0, 2).toSorted());
  });
});
