import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type AccountId,
  newKeyId,
  type Principal,
  rootOnly,
  TamperedRowError,
  WorkNeededError,
} from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { DAY_MILLIS, declared, REGION, World } from "./world.ts";

const KEY_NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
const PENDING = "Rejected.PendingDeletion: The request was rejected because the key state is PendingDeletion.";
const TOO_MANY =
  "Rejected.LimitExceeded: The request was rejected because user create resource limit was exceeded. A resource has at most 20 tags.";
const ofKeys = { RegionId: REGION, ResourceType: "key" };

type Wire = Readonly<Record<string, string>>;
type TagMap = Readonly<Record<string, string>>;

const toJson = (tags: TagMap): string =>
  JSON.stringify(Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));

const toRecords = (tags: TagMap): Wire =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value], i) => [
      [`Tag.${i + 1}.Key`, key],
      [`Tag.${i + 1}.Value`, value],
    ]),
  );

const toList = (name: string, items: readonly string[]): Wire =>
  Object.fromEntries(items.map((item, i) => [`${name}.${i + 1}`, item]));

const numbered = (count: number, prefix = "k"): TagMap =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${String(i).padStart(2, "0")}`, `v${i}`]));

interface ListedTags {
  readonly TagResources: {
    readonly TagResource: readonly {
      readonly ResourceId: string;
      readonly ResourceType: string;
      readonly TagKey: string;
      readonly TagValue: string;
    }[];
  };
  readonly NextToken: string;
}

/** A user of an account. */
function userOf(accountId: AccountId): Principal {
  const arn = `acs:ram::${accountId}:user/alice`;
  return { type: "ram-user", accountId, accessKeyId: "LTAI5tUser", arn, userId: "21", userName: "alice" };
}

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function tagsOf(KeyId: string): Promise<TagMap> {
    const { Tags } = await world.ok<{ Tags: { Tag: readonly Record<string, string>[] } }>("ListResourceTags", {
      KeyId,
    });
    return Object.fromEntries(
      Tags.Tag.map(({ TagKey = "", TagValue = "", ...rest }) => {
        assert.deepEqual(rest, { KeyId });
        return [TagKey, TagValue];
      }),
    );
  }

  async function list(parameters: Wire, { of = world } = {}): Promise<ListedTags> {
    return of.ok<ListedTags>("ListTagResources", { ...ofKeys, ...parameters });
  }

  /** Lists as `<number of the key>.<tag key>=<tag value>`. */
  async function listed(parameters: Wire, keys: readonly string[], options = { of: world }): Promise<string[]> {
    const { TagResources } = await list(parameters, options);
    return TagResources.TagResource.map(({ ResourceId, ResourceType, TagKey, TagValue }) => {
      assert.equal(ResourceType, "key");
      return `${keys.indexOf(ResourceId)}.${TagKey}=${TagValue}`;
    }).toSorted();
  }

  test("a key is made with its tags, and keeps them", async () => {
    const KeyId = await world.createKey({ Tags: toJson({ zone: "", env: "prod/\\_-.+=:@" }) });
    assert.deepEqual(Object.entries(await tagsOf(KeyId)), [
      ["env", "prod/\\_-.+=:@"],
      ["zone", ""],
    ]);
    const full = await world.createKey({ Tags: toJson(numbered(20)) });
    assert.deepEqual(await tagsOf(full), numbered(20));
    assert.deepEqual(await tagsOf(await world.createKey()), {});
  });

  test("tags are added, replaced and taken away, and the key's revision counts the changes", async () => {
    const KeyId = await world.createKey();
    const about = { resource: `ACS::KMS::Key ${KeyId}`, noted: { keyId: KeyId, keyRevision: 1 } };
    const added = await world.call("TagResource", { KeyId, Tags: toJson({ a: "1", b: "2" }) });
    assert.deepEqual({ resource: added.resource, noted: added.noted }, about);
    await world.ok("TagResource", { KeyId, Tags: toJson({ b: "3", c: "4" }) });
    assert.deepEqual(await tagsOf(KeyId), { a: "1", b: "3", c: "4" });
    // What is so already changes nothing.
    await world.ok("TagResource", { KeyId, Tags: toJson({ b: "3" }) });
    await world.ok("UntagResource", { KeyId, TagKeys: '["A","none"]' });
    const untagged = await world.call("UntagResource", { KeyId, TagKeys: '["a","none","c","c"]' });
    assert.deepEqual([untagged.noted, untagged.resource], [{ keyId: KeyId, keyRevision: 3 }, about.resource]);
    assert.deepEqual(await tagsOf(KeyId), { b: "3" });
    assert.equal((await world.call("DescribeKey", { KeyId })).noted["keyRevision"], 4);
    await world.ok("TagResource", { KeyId, Tags: toJson({ a: "5" }) });
    assert.deepEqual(await tagsOf(KeyId), { a: "5", b: "3" });
  });

  test("many keys are tagged and untagged at once, and the event names them all", async () => {
    const keys = [await world.createKey(), await world.createKey({ Tags: toJson({ env: "old", own: "x" }) })];
    const [first = "", second = ""] = keys;
    const both = { ...ofKeys, ...toList("ResourceId", [first, second, first]) };
    const tagged = await world.call("TagResources", { ...both, ...toRecords({ env: "new", empty: "" }) });
    assert.deepEqual(tagged.result, {});
    assert.equal(tagged.resource, `ACS::KMS::Key ${first},${second}`);
    assert.deepEqual(tagged.noted, { keys: keys.map((keyId) => ({ keyId, keyRevision: 1 })) });
    assert.deepEqual(await tagsOf(first), { empty: "", env: "new" });
    assert.deepEqual(await tagsOf(second), { empty: "", env: "new", own: "x" });

    await world.ok("UntagResources", { ...both, "TagKey.1": "env", "TagKey.2": "none", All: "true" });
    assert.deepEqual(await tagsOf(first), { empty: "" });
    assert.deepEqual(await tagsOf(second), { empty: "", own: "x" });
    const untagged = await world.call("UntagResources", { ...both, All: "true" });
    assert.equal(untagged.resource, `ACS::KMS::Key ${first},${second}`);
    assert.deepEqual(untagged.noted, { keys: keys.map((keyId) => ({ keyId, keyRevision: 3 })) });
    for (const key of keys) assert.deepEqual(await tagsOf(key), {});
    // A tag without a value has an empty one.
    await world.ok("TagResources", { ...both, "Tag.1.Key": "bare" });
    assert.deepEqual(await tagsOf(first), { bare: "" });
  });

  test("a key has at most 20 tags, and a call brings at most as many as are published", async () => {
    const KeyId = await world.createKey({ Tags: toJson(numbered(15)) });
    assert.equal(await world.refusal("TagResource", { KeyId, Tags: toJson(numbered(6, "x")) }), TOO_MANY);
    await world.ok("TagResource", { KeyId, Tags: toJson({ ...numbered(5), ...numbered(5, "x") }) });
    const empty = await world.createKey();
    const both = { ...ofKeys, ...toList("ResourceId", [empty, KeyId]) };
    assert.equal(await world.refusal("TagResources", { ...both, ...toRecords({ y: "" }) }), TOO_MANY);
    assert.deepEqual(await tagsOf(empty), {});
    await world.ok("TagResources", { ...both, ...toRecords({ ...numbered(15), ...numbered(5, "x") }) });
    assert.deepEqual(await tagsOf(empty), await tagsOf(KeyId));

    const refused: readonly (readonly [operation: string, parameters: Wire])[] = [
      ["CreateKey", { Tags: toJson(numbered(21)) }],
      ["TagResource", { KeyId, Tags: toJson(numbered(11)) }],
      ["TagResources", { ...both, ...toRecords(numbered(21)) }],
      ["TagResources", { ...both, ...toRecords({ a: "" }), ...toList("ResourceId", Array<string>(51).fill(KeyId)) }],
      ["UntagResources", { ...both, ...toList("TagKey", Object.keys(numbered(21))) }],
      ["UntagResources", { ...ofKeys, ...toList("ResourceId", Array<string>(51).fill(KeyId)), All: "true" }],
      ["ListTagResources", { ...ofKeys, ...toRecords(numbered(21)) }],
      ["ListTagResources", { ...ofKeys, ...toList("ResourceId", Array<string>(51).fill(KeyId)) }],
    ];
    for (const [operation, parameters] of refused) {
      assert.match(await world.refusal(operation, parameters), /^InvalidParameter: .*(?:at most|to (?:10|20) objects)/);
    }
    await world.ok("TagResources", {
      ...both,
      ...toRecords({ k00: "same" }),
      ...toList("ResourceId", Array<string>(50).fill(KeyId)),
    });
  });

  test("says what is wrong with a tag, and changes nothing", async () => {
    const KeyId = await world.createKey({ Tags: toJson({ kept: "1" }) });
    const key = { ...ofKeys, "ResourceId.1": KeyId };
    const invalid = (name: string) =>
      new RegExp(`^InvalidParameter: The specified parameter "${name}" is not valid\\. `);
    const missing = (name: string) => `MissingParameter: The parameter "${name}" is needed but not provided.`;
    const cases: readonly (readonly [operation: string, parameters: Wire, answer: string | RegExp])[] = [
      ["TagResource", { KeyId }, missing("Tags")],
      ["TagResource", { KeyId, Tags: "[]" }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: "x" }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: '{"TagKey":"a","TagValue":"b"}' }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: toJson({ "": "b" }) }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: toJson({ aliyunx: "b" }) }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: toJson({ "acs:x": "b" }) }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: toJson({ a: "é" }) }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: toJson({ a: "x".repeat(129) }) }, invalid("Tags")],
      ["TagResource", { KeyId, Tags: toJson({ ["x".repeat(129)]: "" }) }, invalid("Tags")],
      [
        "TagResource",
        { KeyId, Tags: '[{"TagKey":"a","TagValue":"1"},{"TagKey":"a","TagValue":"1"}]' },
        invalid("Tags"),
      ],
      ["UntagResource", { KeyId }, missing("TagKeys")],
      ["UntagResource", { KeyId, TagKeys: "[]" }, invalid("TagKeys")],
      ["UntagResource", { KeyId, TagKeys: "kept" }, invalid("TagKeys")],
      ["UntagResource", { KeyId, TagKeys: '[""]' }, invalid("TagKeys")],
      ["UntagResource", { KeyId, TagKeys: "[1]" }, invalid("TagKeys")],
      ["TagResources", key, missing("Tag")],
      ["TagResources", { ...ofKeys, ...toRecords({ a: "" }) }, missing("ResourceId")],
      ["TagResources", { ...key, ...toRecords({ a: "" }), RegionId: "" }, missing("RegionId")],
      ["TagResources", { ...key, ...toRecords({ a: "" }), RegionId: "cn-beijing" }, invalid("RegionId")],
      ["TagResources", { ...key, ...toRecords({ a: "" }), ResourceType: "" }, missing("ResourceType")],
      ["TagResources", { ...key, ...toRecords({ a: "" }), ResourceType: "Key" }, invalid("ResourceType")],
      ["TagResources", { ...key, "Tag.1": "a" }, /"Tag\.1".* by its fields/],
      [
        "TagResources",
        { ...key, "Tag.1.Value": "v" },
        /^InvalidParameter\.TagKey: The specified parameter is not valid\. Tag\.1\.Key: /,
      ],
      ["TagResources", { ...key, ...toRecords({ a: "", "a b": "" }) }, /^InvalidParameter\.TagKey: .*Tag\.2\.Key: /],
      ["TagResources", { ...key, ...toRecords({ "acs:a": "" }) }, /^InvalidParameter\.TagKey: /],
      ["TagResources", { ...key, ...toRecords({ ["x".repeat(129)]: "" }) }, /^InvalidParameter\.TagKey: /],
      [
        "TagResources",
        { ...key, ...toRecords({ a: "x".repeat(129) }) },
        /^InvalidParameter\.TagValue: .*Tag\.1\.Value: /,
      ],
      ["TagResources", { ...key, ...toRecords({ a: "\0" }) }, /^InvalidParameter\.TagValue: /],
      [
        "TagResources",
        { ...key, ...toRecords({ a: "1" }), "Tag.2.Key": "a" },
        "Duplicate.TagKey: The specified tagKey is duplicate.",
      ],
      ["UntagResources", { ...key }, missing("TagKey")],
      ["UntagResources", { ...key, All: "false" }, missing("TagKey")],
      ["UntagResources", { ...key, All: "yes" }, invalid("All")],
      ["UntagResources", { ...ofKeys, All: "true" }, missing("ResourceId")],
      ["UntagResources", { ...key, All: "true", RegionId: "cn-beijing" }, invalid("RegionId")],
      ["ListResourceTags", {}, missing("KeyId")],
      ["ListTagResources", { RegionId: REGION }, missing("ResourceType")],
      ["ListTagResources", { ResourceType: "key" }, missing("RegionId")],
      ["ListTagResources", { ...ofKeys, RegionId: "x" }, invalid("RegionId")],
      ["ListTagResources", { ...ofKeys, "Tag.1.Value": "v" }, invalid("Tag.1.Key")],
      ["ListTagResources", { ...ofKeys, "Tag.1.Key": "k", "Tag.1.Value": "\0" }, invalid("Tag.1.Value")],
      ["ListTagResources", { ...ofKeys, "Tag.1.Key": "k", "Tag.2.Key": "k" }, /^Duplicate\.TagKey: /],
      ...["x", "e30", Buffer.from(`${KeyId}/`).toString("base64url"), Buffer.from(KeyId).toString("base64url")].map(
        (NextToken) => ["ListTagResources", { ...ofKeys, NextToken }, invalid("NextToken")] as const,
      ),
      [
        "ListTagResources",
        { ...ofKeys, NextToken: Buffer.from(`${KeyId}/kept`).toString("base64") + "=" },
        invalid("NextToken"),
      ],
    ];
    for (const [operation, parameters, answer] of cases) {
      const refusal = await world.refusal(operation, parameters).catch(String);
      const title = `${operation} ${JSON.stringify(parameters)}`;
      if (typeof answer === "string") assert.equal(refusal, answer, title);
      else assert.match(refusal, answer, title);
    }
    assert.deepEqual(await tagsOf(KeyId), { kept: "1" });
    assert.equal((await world.call("DescribeKey", { KeyId })).noted["keyRevision"], 1);
  });

  test("exactly one of a key, a secret and a certificate is tagged, and only keys exist", async () => {
    const KeyId = await world.createKey();
    for (const [operation, rest] of [
      ["TagResource", { Tags: toJson({ a: "1" }) }],
      ["UntagResource", { TagKeys: '["a"]' }],
    ] as const) {
      const answer = async (parameters: Wire) => world.refusal(operation, { ...rest, ...parameters });
      assert.equal(await answer({}), 'MissingParameter: The parameter "KeyId" is needed but not provided.');
      assert.equal(await answer({ SecretName: "s" }), "Forbidden.ResourceNotFound: Resource not found.");
      assert.equal(
        await answer({ CertificateId: "c" }),
        "Certificate.NotFound: The specified certificate is not found.",
      );
      assert.match(await answer({ KeyId, SecretName: "s" }), /^InvalidParameter: .*"SecretName".* Exactly one of /);
      assert.match(await answer({ SecretName: "s", CertificateId: "c" }), /^InvalidParameter: .*"CertificateId"/);
      assert.equal(await answer({ KeyId, SecretName: "", CertificateId: "" }), "no error");
    }
    const secrets = { RegionId: REGION, ResourceType: "secret", "ResourceId.1": KeyId };
    const notFound = "InvalidResourceId.NotFound: The specified ResourceId is not found. It is ResourceId.1.";
    assert.equal(await world.refusal("TagResources", { ...secrets, ...toRecords({ a: "1" }) }), notFound);
    assert.equal(await world.refusal("UntagResources", { ...secrets, All: "true" }), notFound);
    assert.equal(await world.refusal("ListTagResources", secrets), notFound);
    assert.deepEqual(await list({ ResourceType: "secret" }), { TagResources: { TagResource: [] }, NextToken: "" });
  });

  test("what is no key of the account is not found, whatever it is, and nothing else is tagged", async () => {
    const own = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/tagged", KeyId: own });
    const other = await world.addAccount();
    const { result } = await world.call("CreateKey", { Tags: toJson({ a: "1" }) }, { as: other });
    const { KeyId: foreign } = (result as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    const arn = `acs:kms:${REGION}:${other}:key/${foreign}`;
    for (const [operation, rest] of [
      ["TagResource", { Tags: toJson({ b: "1" }) }],
      ["UntagResource", { TagKeys: '["a"]' }],
      ["ListResourceTags", {}],
    ] as const) {
      for (const KeyId of [foreign, arn, newKeyId(), "\0"]) {
        assert.equal(await world.refusal(operation, { KeyId, ...rest }), KEY_NOT_FOUND);
      }
      assert.match(await world.refusal(operation, { KeyId: "alias/tagged", ...rest }), /^Unsupported\.Alias: /);
    }
    for (const [operation, rest] of [
      ["TagResources", toRecords({ b: "1" })],
      ["UntagResources", { All: "true" }],
      ["ListTagResources", {}],
    ] as const) {
      for (const id of [foreign, arn, newKeyId(), "\0", "alias/tagged", ""]) {
        const { error, resource, noted } = await world.call(operation, {
          ...ofKeys,
          ...rest,
          ...toList("ResourceId", [own, id]),
        });
        assert.equal(error?.code, "InvalidResourceId.NotFound");
        assert.equal(error.message, "The specified ResourceId is not found. It is ResourceId.2.");
        assert.deepEqual([resource, noted], [undefined, {}]);
      }
    }
    assert.deepEqual(await tagsOf(own), {});
    const { result: theirs } = await world.call("ListTagResources", ofKeys, { as: other });
    assert.deepEqual((theirs as unknown as ListedTags).TagResources.TagResource, [
      { ResourceId: foreign, ResourceType: "key", TagKey: "a", TagValue: "1" },
    ]);
  });

  test("a key that waits for its deletion keeps its tags and shows them; gone, it has none", async () => {
    await using own = await World.open(database);
    const [KeyId, kept] = [await own.createKey({ Tags: toJson({ a: "1" }) }), await own.createKey()];
    await own.ok("DisableKey", { KeyId });
    await own.ok("TagResource", { KeyId, Tags: toJson({ b: "2" }) });
    await own.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    const deleteAt = Math.floor((own.now + 7 * DAY_MILLIS) / 1000) * 1000;
    const both = { ...ofKeys, ...toList("ResourceId", [kept, KeyId]) };
    assert.equal(await own.refusal("TagResource", { KeyId, Tags: toJson({ c: "3" }) }), PENDING);
    assert.equal(await own.refusal("UntagResource", { KeyId, TagKeys: '["a"]' }), PENDING);
    assert.equal(await own.refusal("TagResources", { ...both, ...toRecords({ c: "3" }) }), PENDING);
    assert.equal(await own.refusal("UntagResources", { ...both, All: "true" }), PENDING);
    assert.equal((await own.call("ListResourceTags", { KeyId })).until, deleteAt);
    const shown = await own.call("ListTagResources", ofKeys);
    assert.deepEqual([shown.from, shown.until], [0, deleteAt]);
    assert.deepEqual(await listed({}, [kept, KeyId], { of: own }), ["1.a=1", "1.b=2"]);

    own.now = deleteAt;
    assert.equal(await own.refusal("ListResourceTags", { KeyId }), KEY_NOT_FOUND);
    assert.match(await own.refusal("ListTagResources", both), /^InvalidResourceId\.NotFound: /);
    const left = await own.call("ListTagResources", ofKeys);
    assert.deepEqual([left.result, left.from], [{ TagResources: { TagResource: [] }, NextToken: "" }, deleteAt]);
    const filtered = await own.ok("ListKeys", { Filters: '[{"Key":"TagKey","Values":["a"]}]' });
    assert.equal(filtered["TotalCount"], 0);
  });

  test("lists the tags that are asked for, of the keys that have all of them", async () => {
    await using own = await World.open(database);
    const keys = [
      await own.createKey({ Tags: toJson({ env: "prod", team: "a" }) }),
      await own.createKey({ Tags: toJson({ env: "test", team: "a" }) }),
      await own.createKey({ Tags: toJson({ env: "prod" }) }),
      await own.createKey(),
    ];
    const [first = "", second = "", third = "", fourth = ""] = keys;
    const of = { of: own };
    assert.deepEqual(await listed({}, keys, of), ["0.env=prod", "0.team=a", "1.env=test", "1.team=a", "2.env=prod"]);
    const some = toList("ResourceId", [second, third, fourth, second]);
    assert.deepEqual(await listed(some, keys, of), ["1.env=test", "1.team=a", "2.env=prod"]);
    assert.deepEqual(await listed(toRecords({ env: "prod" }), keys, of), ["0.env=prod", "2.env=prod"]);
    assert.deepEqual(await listed({ "Tag.1.Key": "env" }, keys, of), ["0.env=prod", "1.env=test", "2.env=prod"]);
    const prodOfTeam = { ...toRecords({ env: "prod" }), "Tag.2.Key": "team" };
    assert.deepEqual(await listed(prodOfTeam, keys, of), ["0.env=prod", "0.team=a"]);
    assert.deepEqual(await listed({ ...prodOfTeam, "ResourceId.1": third }, keys, of), []);
    assert.deepEqual(await listed(toRecords({ env: "prod", team: "b" }), keys, of), []);
    assert.deepEqual(await listed(toRecords({ ENV: "prod" }), keys, of), []);
    assert.deepEqual(await listed({ "Tag.1.Key": "env", "Tag.1.Value": "" }, keys, of), []);
    const { resource, noted } = await own.call("ListTagResources", { ...ofKeys, ...toList("ResourceId", [first]) });
    assert.deepEqual([resource, noted], [`ACS::KMS::Key ${first}`, { keys: [{ keyId: first, keyRevision: 1 }] }]);
    assert.equal((await own.call("ListTagResources", ofKeys)).resource, undefined);
  });

  test("lists 200 tags at a time until a token is empty, whatever comes and goes in between", async () => {
    await using own = await World.open(database);
    const keys: string[] = [];
    for (let i = 0; i < 21; i++) keys.push(await own.createKey({ Tags: toJson(numbered(20)) }));
    const first = await list({}, { of: own });
    assert.equal(first.TagResources.TagResource.length, 200);
    assert.match(first.NextToken, /^[\w-]+$/);
    // The page ended with this one: it is not missed.
    const last = first.TagResources.TagResource.at(-1);
    await own.ok("UntagResource", { KeyId: last?.ResourceId ?? "", TagKeys: JSON.stringify([last?.TagKey]) });
    const second = await list({ NextToken: first.NextToken }, { of: own });
    const third = await list({ NextToken: second.NextToken }, { of: own });
    assert.deepEqual([second.TagResources.TagResource.length, third.TagResources.TagResource.length], [200, 20]);
    assert.equal(third.NextToken, "");
    const all = [first, second, third].flatMap(({ TagResources }) => TagResources.TagResource);
    assert.deepEqual(
      all.map(({ ResourceId, TagKey, TagValue }) => `${ResourceId} ${TagKey} ${TagValue}`),
      keys.toSorted().flatMap((id) => Object.entries(numbered(20)).map(([key, value]) => `${id} ${key} ${value}`)),
    );
    const ten = toList("ResourceId", keys.toSorted().slice(11));
    const whole = await list({ ...ten, "Tag.1.Key": "k19" }, { of: own });
    assert.deepEqual([whole.TagResources.TagResource.length, whole.NextToken], [10, ""]);
    const exactly = await list(ten, { of: own });
    assert.deepEqual([exactly.TagResources.TagResource.length, exactly.NextToken], [200, ""]);
    const onwards = await list({ ...ten, NextToken: second.NextToken }, { of: own });
    assert.equal(onwards.TagResources.TagResource.length, 20);
  });

  test("looks at so many tags for one answer, also where the caller may see few of them, and goes on from there", async () => {
    await using own = await World.open(database);
    const keys: string[] = [];
    for (let i = 0; i < 33; i++) keys.push(await own.createKey({ Tags: toJson(numbered(20)) }));
    const seen = keys.toSorted().at(-1);
    own.authorizer = {
      ...rootOnly,
      decide: (_, { resource }) =>
        resource.endsWith(`/${seen}`) || resource === "*"
          ? { allowed: true, by: "root" }
          : { allowed: false, gate: "identity", explicit: true },
    };
    const by = userOf(own.accountId);
    const first = await own.ok<ListedTags>("ListTagResources", ofKeys, { by });
    assert.deepEqual(first.TagResources.TagResource, []);
    assert.match(first.NextToken, /^[\w-]+$/);
    const second = await own.ok<ListedTags>("ListTagResources", { ...ofKeys, NextToken: first.NextToken }, { by });
    assert.deepEqual(
      second.TagResources.TagResource.map(({ ResourceId, TagKey }) => `${ResourceId} ${TagKey}`),
      Object.keys(numbered(20)).map((key) => `${seen} ${key}`),
    );
    assert.equal(second.NextToken, "");
    const locked = own.contextOf(by);
    locked.allowsWork = false;
    const wire = new Map(Object.entries(ofKeys));
    await assert.rejects(async () => declared("ListTagResources").run(locked, wire, own.authorizer), WorkNeededError);
  });

  test("after any changes a key has the tags that a map would have", async () => {
    const own = await world.createKey();
    const twin = await world.createKey();
    const keys = fc.constantFrom("a", "b", "B", "c/d", "e=f");
    const values = fc.constantFrom("", "1", "2");
    const change = fc.record({
      kind: fc.constantFrom("TagResource", "UntagResource", "TagResources", "UntagResources"),
      tags: fc.dictionary(keys, values, { minKeys: 1, maxKeys: 4 }),
      both: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), async (changes) => {
        await world.ok("UntagResources", { ...ofKeys, ...toList("ResourceId", [own, twin]), All: "true" });
        const model = new Map<string, string>();
        for (const { kind, tags, both } of changes) {
          const names = Object.keys(tags);
          const ids = toList("ResourceId", both ? [own, twin] : [own]);
          await world.ok(kind, {
            KeyId: own,
            ...ofKeys,
            ...ids,
            ...(kind === "TagResource" && { Tags: toJson(tags) }),
            ...(kind === "TagResources" && toRecords(tags)),
            ...(kind === "UntagResource" && { TagKeys: JSON.stringify(names) }),
            ...(kind === "UntagResources" && toList("TagKey", names)),
          });
          if (kind.startsWith("Tag")) for (const [key, value] of Object.entries(tags)) model.set(key, value);
          else for (const key of names) model.delete(key);
          const expected = Object.fromEntries(model);
          assert.deepEqual(await tagsOf(own), expected);
          const rows = (await list({ "ResourceId.1": own })).TagResources.TagResource;
          assert.deepEqual(Object.fromEntries(rows.map(({ TagKey, TagValue }) => [TagKey, TagValue])), expected);
        }
      }),
      { numRuns: 15 },
    );
  });

  test("finds an edited tag and one that was moved to another key", async () => {
    const [one, other] = [await world.createKey({ Tags: toJson({ env: "test" }) }), await world.createKey()];
    const rights = { ...ofKeys, "ResourceId.1": one };
    await world.tamper((db) =>
      db.updateTable("key_tag").set({ tag_value: "prod" }).where("key_id", "=", one).execute(),
    );
    for (const [operation, parameters] of [
      ["DescribeKey", { KeyId: one }],
      ["Encrypt", { KeyId: one, Plaintext: "eA==" }],
      ["ListResourceTags", { KeyId: one }],
      ["ListTagResources", rights],
      ["ListTagResources", ofKeys],
    ] as const) {
      await assert.rejects(world.call(operation, parameters), TamperedRowError);
    }
    await world.tamper((db) =>
      db.updateTable("key_tag").set({ tag_value: "test", key_id: other }).where("key_id", "=", one).execute(),
    );
    await assert.rejects(world.call("Encrypt", { KeyId: other, Plaintext: "eA==" }), TamperedRowError);
  });
});
