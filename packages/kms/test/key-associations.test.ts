import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import type { UsageTally } from "@cinnabar/kms";
import { DAY_MILLIS, World } from "./world.ts";

interface Associations {
  readonly Services: { readonly Service: readonly { readonly ServiceName: string; readonly LastDate: string }[] };
  readonly Resources: { readonly Resource: readonly { readonly ResourceArn: string; readonly ServiceName: string }[] };
  readonly HiddenCount: number;
  readonly IsTruncated: boolean;
  readonly PageSize: number;
  readonly TotalCount: number;
}

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const lastUsed = (daysAgo: number): UsageTally => {
    const lastAt = world.now - daysAgo * DAY_MILLIS;
    return { uses: { count: 3, firstAt: 0, lastAt } };
  };
  const oss = (owner: string, name: string, daysAgo: number) => ({
    service: "oss.aliyuncs.com",
    arn: `acs:oss:cn-hangzhou:${owner}:${name}`,
    ...lastUsed(daysAgo),
  });

  test("services and resources are told that used the key within 365 days, the latest first, page by page", async () => {
    const own = world.accountId;
    world.usage = {
      ...world.usage,
      services: new Map([
        ["ecs.aliyuncs.com", lastUsed(365)],
        ["oss.aliyuncs.com", lastUsed(1)],
        ["rds.aliyuncs.com", lastUsed(366)],
      ]),
      resources: [
        oss(own, "old", 366),
        oss(own, "c", 3),
        oss(own, "b", 2),
        oss(own, "a", 3),
        oss(own, "last", 365),
        oss("1000000000000001", "others", 1),
        { ...oss(own, "d", 1), arn: "acs:oss:nobody's" },
      ],
      otherResources: lastUsed(400),
    };
    const KeyId = await world.createKey();
    const all = await world.ok<Associations>("ListKeyAssociations", { KeyId });
    assert.deepEqual(
      all.Services.Service.map(({ ServiceName }) => ServiceName),
      ["oss.aliyuncs.com", "ecs.aliyuncs.com"],
    );
    assert.match(all.Services.Service[0]?.LastDate ?? "", /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
    const names = ({ Resources }: Associations) =>
      Resources.Resource.map(({ ResourceArn }) => ResourceArn.slice(ResourceArn.lastIndexOf(":") + 1));
    assert.deepEqual(names(all), ["b", "a", "c", "last"]);
    assert.deepEqual([all.TotalCount, all.HiddenCount, all.IsTruncated, all.PageSize], [4, 2, false, 20]);
    const pages = ["1", "2", "3"].map((PageNumber) =>
      world.ok<Associations>("ListKeyAssociations", { KeyId, PageNumber, PageSize: "3" }),
    );
    assert.deepEqual((await Promise.all(pages)).map(names), [["b", "a", "c"], ["last"], []]);
    world.usage = { ...world.usage, otherResources: lastUsed(300) };
    assert.equal((await world.ok<Associations>("ListKeyAssociations", { KeyId })).IsTruncated, true);
  });

  test("only services say for what they call", async () => {
    const KeyId = await world.createKey();
    const { CiphertextBlob } = await world.ok<{ CiphertextBlob: string }>("Encrypt", { KeyId, Plaintext: "text" });
    const SourceArn = "acs:oss:cn-hangzhou:1:bucket";
    for (const [name, parameters] of [
      ["Encrypt", { KeyId, Plaintext: "text" }],
      ["GenerateDataKey", { KeyId }],
      ["GenerateDataKeyWithoutPlaintext", { KeyId }],
      ["Decrypt", { CiphertextBlob }],
    ] as const) {
      assert.match(await world.refusal(name, { ...parameters, SourceArn }), /^InvalidParameter: .*"SourceArn"/);
    }
  });
});
