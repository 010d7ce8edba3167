import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { Body, CallParameters } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

type Tags = Readonly<Record<string, string>>;

const ofKeys = { RegionId: "cn-hangzhou", ResourceType: "key" };
/** Every character that a tag may have, beside letters and digits. */
const SIGNS = "/\\_-.+=:@";

const toJson = (tags: Tags): string =>
  JSON.stringify(Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));
const toRecords = (tags: Tags) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

async function tagsOf(root: Caller, keyId: string): Promise<Tags> {
  const { Tags, ...rest } = await root.call("ListResourceTags", { KeyId: keyId });
  assert.deepEqual(rest, {});
  const { Tag } = Tags as { Tag: readonly Record<"KeyId" | "TagKey" | "TagValue", string>[] };
  assert(Tag.every(({ KeyId }) => KeyId === keyId));
  return Object.fromEntries(Tag.map(({ TagKey, TagValue }) => [TagKey, TagValue]));
}

/** A page of tags, each as `key id, tag key, tag value`, and the token of the next one. */
async function listTags(root: Caller, parameters: CallParameters): Promise<{ tags: string[]; next: string }> {
  const { TagResources, NextToken, ...rest } = await root.call("ListTagResources", { ...ofKeys, ...parameters });
  assert.deepEqual(rest, {});
  const { TagResource } = TagResources as { TagResource: readonly Record<string, string>[] };
  const tags = TagResource.map(({ ResourceId, ResourceType, TagKey, TagValue }) => {
    assert.equal(ResourceType, "key");
    return `${ResourceId}, ${TagKey}, ${TagValue}`;
  });
  return { tags, next: String(NextToken) };
}

export const tagScenarios: readonly Scenario[] = [
  {
    title: "tags a key from the beginning, adds to its tags, replaces them and takes them away",
    async run(root) {
      const keyId = await root.createKey({ Tags: toJson({ env: "prod", [`z${SIGNS}`]: `v${SIGNS}` }) });
      assert.deepEqual(await tagsOf(root, keyId), { env: "prod", [`z${SIGNS}`]: `v${SIGNS}` });
      assert.deepEqual(await root.call("TagResource", { KeyId: keyId, Tags: toJson({ env: "test", team: "" }) }), {});
      assert.deepEqual(await tagsOf(root, keyId), { env: "test", team: "", [`z${SIGNS}`]: `v${SIGNS}` });
      const TagKeys = JSON.stringify(["env", `z${SIGNS}`, "none"]);
      assert.deepEqual(await root.call("UntagResource", { KeyId: keyId, TagKeys }), {});
      assert.deepEqual(await tagsOf(root, keyId), { team: "" });
    },
  },
  {
    title: "tags several keys at once, lists them by key and by tag, and takes the tags away again",
    async run(root) {
      const [first, second] = [await root.createKey(), await root.createKey({ Tags: toJson({ own: "1" }) })].toSorted();
      assert(first !== undefined && second !== undefined);
      const own = (await tagsOf(root, first))["own"] === undefined ? second : first;
      const both = { ...ofKeys, ResourceId: [first, second] };
      const [mark, value] = [`run/${randomUUID()}`, `v${SIGNS}`];
      assert.deepEqual(await root.call("TagResources", { ...both, Tag: toRecords({ [mark]: value, e: "" }) }), {});
      assert.deepEqual(await listTags(root, { Tag: [{ Key: mark }] }), {
        tags: [first, second].map((id) => `${id}, ${mark}, ${value}`),
        next: "",
      });
      assert.deepEqual((await listTags(root, { Tag: toRecords({ [mark]: value, own: "1" }) })).tags.toSorted(), [
        `${own}, own, 1`,
        `${own}, ${mark}, ${value}`,
      ]);
      assert.deepEqual((await listTags(root, { Tag: toRecords({ [mark]: "another" }) })).tags, []);

      assert.deepEqual(await root.call("UntagResources", { ...both, TagKey: [mark, "none"] }), {});
      assert.deepEqual((await listTags(root, { Tag: [{ Key: mark }] })).tags, []);
      assert.deepEqual(
        (await listTags(root, { ResourceId: [first, second] })).tags,
        [first, second].flatMap((id) => [`${id}, e, `, ...(id === own ? [`${id}, own, 1`] : [])]),
      );
      assert.deepEqual(await root.call("UntagResources", { ...both, All: true }), {});
      assert.deepEqual(await listTags(root, { ResourceId: [first, second] }), { tags: [], next: "" });
      assert.deepEqual(await tagsOf(root, own), {});
    },
  },
  {
    title: "turns the pages of 200 tags to the end",
    async run(root) {
      const twenty: Tags = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, `v${i}`]));
      const ids: string[] = [];
      for (let i = 0; i < 11; i++) ids.push(await root.createKey({ Tags: toJson(twenty) }));
      const first = await listTags(root, { ResourceId: ids });
      const second = await listTags(root, { ResourceId: ids, NextToken: first.next });
      assert.deepEqual([first.tags.length, second.tags.length, second.next], [200, 20, ""]);
      assert.equal(new Set([...first.tags, ...second.tags]).size, 220);
    },
  },
  {
    title: "lists the keys that pass every filter",
    async run(root) {
      const mark = randomUUID();
      const [one, two] = [
        await root.createKey({ Tags: toJson({ mark, env: "prod" }) }),
        await root.createKey({ Tags: toJson({ mark, env: "test" }) }),
      ];
      const alias = await root.createAlias(two);
      await root.call("DisableKey", { KeyId: two });
      const filtered = async (filters: Readonly<Record<string, readonly string[]>>): Promise<string[]> => {
        const Filters = JSON.stringify(Object.entries(filters).map(([Key, Values]) => ({ Key, Values })));
        const { Keys, TotalCount } = await root.call("ListKeys", { Filters });
        const { Key } = Keys as { Key: readonly Body[] };
        assert.equal(TotalCount, Key.length);
        return Key.map(({ KeyId }) => String(KeyId));
      };
      const own = { TagValue: [mark] };
      assert.deepEqual((await filtered(own)).toSorted(), [one, two].toSorted());
      assert.deepEqual(await filtered({ ...own, KeyState: ["Disabled", "PendingDeletion"] }), [two]);
      assert.deepEqual(await filtered({ ...own, TagKey: ["env"] }), []);
      assert.deepEqual(await filtered({ ...own, TagKey: ["mark"], keyId: [one] }), [one]);
      assert.deepEqual(await filtered({ AliasName: [alias] }), [two]);
      assert.deepEqual(await filtered({ ...own, CreatorType: ["Service"] }), []);
      const { accountId: creator } = root.deployment;
      const common = {
        KeySpec: ["Aliyun_AES_256"],
        KeyUsage: ["ENCRYPT/DECRYPT"],
        ProtectionLevel: ["SOFTWARE"],
        CreatorType: ["User"],
        Creator: [creator],
        DKMSInstanceId: [],
      };
      assert.equal((await filtered({ ...own, ...common })).length, 2);
    },
  },
  {
    title: "refuses wrong tags with the published errors, and changes nothing",
    async run(root) {
      const keyId = await root.createKey({ Tags: toJson({ kept: "1" }) });
      const gone = await root.createKey();
      await root.call("ScheduleKeyDeletion", { KeyId: gone, PendingWindowInDays: 7 });
      const key = { ...ofKeys, ResourceId: [keyId] };
      const one = toRecords({ a: "1" });
      const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, ""]));
      await root.refused("MissingParameter", "TagResource", { Tags: toJson({ a: "1" }) });
      await root.refused("MissingParameter", "TagResource", { KeyId: keyId });
      await root.refused("InvalidParameter", "TagResource", { KeyId: keyId, Tags: toJson({ "acs:a": "1" }) });
      await root.refused("InvalidParameter", "TagResource", {
        KeyId: keyId,
        SecretName: "s",
        Tags: toJson({ a: "1" }),
      });
      await root.refused("InvalidParameter", "CreateKey", { Tags: toJson({ ...many, a: "" }) });
      await root.refused("InvalidParameter", "UntagResource", { KeyId: keyId, TagKeys: "kept" });
      await root.refused("Forbidden.KeyNotFound", "TagResource", { KeyId: randomUUID(), Tags: toJson({ a: "1" }) });
      await root.refused("Forbidden.KeyNotFound", "ListResourceTags", { KeyId: randomUUID() });
      await root.refused("Unsupported.Alias", "ListResourceTags", { KeyId: await root.createAlias(keyId) });
      await root.refused("Forbidden.ResourceNotFound", "TagResource", { SecretName: "s", Tags: toJson({ a: "1" }) });
      await root.refused("Certificate.NotFound", "UntagResource", { CertificateId: "c", TagKeys: '["kept"]' });
      await root.refused("Rejected.PendingDeletion", "TagResource", { KeyId: gone, Tags: toJson({ a: "1" }) });
      await root.refused("Rejected.PendingDeletion", "UntagResource", { KeyId: gone, TagKeys: '["a"]' });
      await root.refused("Rejected.PendingDeletion", "TagResources", { ...key, ResourceId: [keyId, gone], Tag: one });

      await root.refused("MissingParameter", "TagResources", { ...ofKeys, Tag: one });
      await root.refused("InvalidParameter", "TagResources", { ...key, RegionId: "cn-beijing", Tag: one });
      await root.refused("InvalidParameter", "TagResources", { ...key, ResourceType: "instance", Tag: one });
      await root.refused("InvalidParameter.TagKey", "TagResources", { ...key, Tag: toRecords({ "a b": "1" }) });
      await root.refused("InvalidParameter.TagValue", "TagResources", { ...key, Tag: toRecords({ a: "密钥" }) });
      await root.refused("Duplicate.TagKey", "TagResources", { ...key, Tag: [...one, ...one] });
      await root.refused("Rejected.LimitExceeded", "TagResources", { ...key, Tag: toRecords(many) });
      for (const ResourceId of [[randomUUID()], [keyId, randomUUID()]]) {
        await root.refused("InvalidResourceId.NotFound", "TagResources", { ...ofKeys, ResourceId, Tag: one });
        await root.refused("InvalidResourceId.NotFound", "UntagResources", { ...ofKeys, ResourceId, All: true });
        await root.refused("InvalidResourceId.NotFound", "ListTagResources", { ...ofKeys, ResourceId });
      }
      await root.refused("MissingParameter", "UntagResources", { ...key, All: false });
      await root.refused("InvalidParameter", "ListTagResources", { ...ofKeys, NextToken: "made up" });
      await root.refused("DryRunOperationError", "UntagResources", { ...key, All: true, DryRun: true });
      assert.deepEqual(await tagsOf(root, keyId), { kept: "1" });
    },
  },
];
