import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { findRole } from "../src/role/role-repository.ts";
import { PolicyWorld } from "./support/policy-world.ts";

type Summary = Readonly<Record<string, unknown>>;

const trust = (...principals: readonly string[]): string =>
  JSON.stringify({
    Version: "1",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: principals } }],
  });
const TRUST = trust("acs:ram::1234567890123456:root");

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const revisionOf = async (name: string) =>
    (await findRole(world.context(), { accountId: world.accountId, name }))?.revision;

  test("makes a role, shows it, changes it, and counts its changes", async () => {
    const { Role: made } = await world.ok<{ Role: Summary }>("CreateRole", {
      RoleName: "isv",
      AssumeRolePolicyDocument: TRUST,
      Description: "for tests",
    });
    const { RoleId: roleId, ...rest } = made;
    const described = {
      RoleName: "isv",
      Arn: `acs:ram::${world.accountId}:role/isv`,
      Description: "for tests",
      CreateDate: "2026-01-02T03:04:05Z",
      MaxSessionDuration: 3600,
      AssumeRolePolicyDocument: TRUST,
    };
    assert.deepEqual(rest, described);
    assert.match(String(roleId), /^3[0-9]{17}$/);
    assert.deepEqual(await world.ok("GetRole", { RoleName: "isv" }), {
      Role: { RoleId: roleId, ...described, UpdateDate: "2026-01-02T03:04:05Z" },
    });
    assert.equal(await revisionOf("isv"), 1);

    world.now += 1000;
    const other = trust("acs:ram::1234567890123456:user/bob");
    const { Role: changed } = await world.ok<{ Role: Summary }>("UpdateRole", {
      RoleName: "isv",
      NewAssumeRolePolicyDocument: other,
      NewMaxSessionDuration: "43200",
    });
    const after = {
      ...described,
      AssumeRolePolicyDocument: other,
      MaxSessionDuration: 43_200,
      UpdateDate: "2026-01-02T03:04:06Z",
    };
    assert.deepEqual(changed, { RoleId: roleId, ...after });
    assert.deepEqual(await world.ok("GetRole", { RoleName: "isv" }), { Role: { RoleId: roleId, ...after } });
    assert.equal(await revisionOf("isv"), 2);
    await world.ok("UpdateRole", { RoleName: "isv", NewDescription: "another" });
    assert.equal(await revisionOf("isv"), 3);
  });

  test("refuses wrong names, documents and durations with their codes", async () => {
    const create = (wire: Readonly<Record<string, string>>) =>
      world.code("CreateRole", { RoleName: "wrong", AssumeRolePolicyDocument: TRUST, ...wire });
    assert.equal(await create({ RoleName: "a".repeat(65) }), "InvalidParameter.RoleName.Length");
    assert.equal(await create({ RoleName: "a_b" }), "InvalidParameter.RoleName.InvalidChars");
    assert.equal(
      await create({ AssumeRolePolicyDocument: TRUST.padEnd(6145) }),
      "InvalidParameter.AssumeRolePolicyDocument.Length",
    );
    assert.equal(await create({ AssumeRolePolicyDocument: "{}" }), "MalformedPolicyDocument");
    const noPrincipal = JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "sts:AssumeRole" }] });
    assert.equal(await create({ AssumeRolePolicyDocument: noPrincipal }), "MalformedPolicyDocument");
    for (const seconds of ["3599", "43201", "1h"]) {
      assert.equal(await create({ MaxSessionDuration: seconds }), "InvalidParameter", seconds);
    }
    assert.equal(await create({ Description: "x".repeat(1025) }), "InvalidParameter.Description.Length");
    assert.equal(await create({ RoleName: "isv" }), "EntityAlreadyExists.Role");
    assert.equal(
      await world.code("UpdateRole", { RoleName: "isv", NewAssumeRolePolicyDocument: TRUST.padEnd(6145) }),
      "InvalidParameter.NewAssumeRolePolicyDocument.Length",
    );
    for (const operation of ["GetRole", "UpdateRole", "DeleteRole"]) {
      assert.equal(await world.code(operation, { RoleName: "nothing" }), "EntityNotExist.Role");
    }
  });

  test("a role of a name that was used before is another role", async () => {
    const make = async () => {
      const wire = { RoleName: "again", AssumeRolePolicyDocument: TRUST, Tag: '[{"Key":"k","Value":"v"}]' };
      return (await world.ok<{ Role: Summary }>("CreateRole", wire)).Role["RoleId"];
    };
    const first = await make();
    await world.ok("DeleteRole", { RoleName: "again" });
    assert.equal(await world.code("GetRole", { RoleName: "again" }), "EntityNotExist.Role");
    assert.notEqual(await make(), first);
  });

  test("lists roles by name, page by page, with their tags", async () => {
    await using own = await PolicyWorld.open(database);
    for (const RoleName of ["b", "a", "c"]) {
      const Tag = RoleName === "b" ? "[]" : JSON.stringify([{ Key: "env", Value: RoleName }]);
      await own.ok("CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST, Tag });
    }
    interface Page {
      readonly Roles: { readonly Role: readonly Summary[] };
      readonly IsTruncated: boolean;
      readonly Marker: string;
    }
    const names = ({ Roles }: Page) => Roles.Role.map(({ RoleName }) => RoleName);
    const first = await own.ok<Page>("ListRoles", { MaxItems: "2" });
    const second = await own.ok<Page>("ListRoles", { MaxItems: "2", Marker: first.Marker });
    assert.deepEqual([names(first), first.IsTruncated], [["a", "b"], true]);
    assert.deepEqual([names(second), second.IsTruncated, second.Marker], [["c"], false, undefined]);
    assert.deepEqual(first.Roles.Role[0]?.["Tags"], { Tag: [{ TagKey: "env", TagValue: "a" }] });
    assert.deepEqual(first.Roles.Role[1]?.["Tags"], { Tag: [] });
    assert.deepEqual(names(await own.ok<Page>("ListRoles", { Tag: '[{"Key":"env"}]' })), ["a", "c"]);
    assert.deepEqual(names(await own.ok<Page>("ListRoles", { Tag: '[{"Key":"env","Value":"c"}]' })), ["c"]);
    assert.equal(await own.code("ListRoles", { Tag: "[]" }), "InvalidParameter");
  });

  test("tags roles and policies, lists the tags, and takes them away", async () => {
    await using own = await PolicyWorld.open(database);
    for (const RoleName of ["one", "two"]) await own.ok("CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST });
    const both = { ResourceType: "role", ResourceNames: '["one","two"]' };
    await own.ok("TagResources", { ...both, Tag: '[{"Key":"env","Value":"prod"},{"Key":"team"}]' });
    interface Listed {
      readonly TagResources: readonly Summary[];
      readonly NextToken: string;
    }
    const list = (wire: Readonly<Record<string, string>> = {}) =>
      own.ok<Listed>("ListTagResources", { ResourceType: "role", ...wire });
    const listed: unknown[] = [];
    let page = await list({ PageSize: "3" });
    listed.push(...page.TagResources);
    page = await list({ PageSize: "3", NextToken: page.NextToken });
    listed.push(...page.TagResources);
    assert.equal(page.NextToken, "");
    assert.deepEqual(
      listed,
      ["one", "two"].flatMap((ResourceName) =>
        [
          { TagKey: "env", TagValue: "prod" },
          { TagKey: "team", TagValue: "" },
        ].map((tag) => ({ ResourceName, ResourceType: "role", ...tag })),
      ),
    );
    assert.equal((await list({ ResourceNames: '["two"]', Tag: '[{"Key":"env"}]' })).TagResources.length, 2);
    assert.deepEqual((await list({ Tag: '[{"Key":"env","Value":"test"}]' })).TagResources, []);

    assert.equal(await own.code("UntagResources", both), "MissingParameter");
    await own.ok("UntagResources", { ...both, TagKeys: '["env","none"]' });
    assert.equal((await list()).TagResources.length, 2);
    await own.ok("UntagResources", { ...both, All: "true" });
    assert.deepEqual((await list()).TagResources, []);
    const tags = (count: number) => JSON.stringify(Array.from({ length: count }, (_, i) => ({ Key: `k${i}` })));
    assert.equal(await own.code("TagResources", { ...both, Tag: tags(21) }), "InvalidParameter");
    await own.ok("TagResources", { ...both, Tag: tags(20) });
    assert.equal(await own.code("TagResources", { ...both, Tag: '[{"Key":"one-more"}]' }), "InvalidParameter");
    const missing = { ResourceNames: '["one","three"]', Tag: tags(1) };
    assert.equal(await own.code("TagResources", { ResourceType: "role", ...missing }), "EntityNotExist.Role");
    assert.equal(await own.code("TagResources", { ResourceType: "policy", ...missing }), "EntityNotExist.Policy");
    assert.equal(await own.code("TagResources", { ResourceType: "user", ...missing }), "InvalidParameter");
  });
});
