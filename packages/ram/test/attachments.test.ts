import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isId, type Principal } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { hasAttachments } from "../src/attachment/attachment-repository.ts";
import { PolicyWorld } from "./support/policy-world.ts";

type Summary = Readonly<Record<string, unknown>>;

const allow = (action: string): string =>
  JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: action, Resource: "*" }] });
const TRUST = JSON.stringify({
  Version: "1",
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: ["acs:ram::1234567890123456:root"] } }],
});
const system = (name: string) => ({ PolicyType: "System", PolicyName: name });
const custom = (name: string) => ({ PolicyType: "Custom", PolicyName: name });

/** The three kinds that policies are attached to, and how each is named. */
const KINDS = [
  { noun: "User", preposition: ["To", "From"], max: 10 },
  { noun: "Group", preposition: ["To", "From"], max: 5 },
  { noun: "Role", preposition: ["To", "From"], max: 5 },
] as const;

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
    await world.addUser("alice");
    await world.addGroup("alice");
    await world.ok("CreateRole", { RoleName: "alice", AssumeRolePolicyDocument: TRUST });
    for (let i = 0; i < 11; i++)
      await world.ok("CreatePolicy", { PolicyName: `p${i}`, PolicyDocument: allow("kms:*") });
  });
  after(() => world[Symbol.asyncDispose]());

  for (const { noun, max } of KINDS) {
    const attach = (policy: Readonly<Record<string, string>>, name = "alice") =>
      world.code(`AttachPolicyTo${noun}`, { [`${noun}Name`]: name, ...policy });
    const detach = (policy: Readonly<Record<string, string>>, name = "alice") =>
      world.code(`DetachPolicyFrom${noun}`, { [`${noun}Name`]: name, ...policy });
    const list = async () => {
      const { Policies } = await world.ok<{ Policies: { Policy: readonly Summary[] } }>(`ListPoliciesFor${noun}`, {
        [`${noun}Name`]: "alice",
      });
      return Policies.Policy;
    };

    test(`attaches policies of both types to a ${noun}, lists them, and detaches them`, async () => {
      assert.deepEqual(await list(), []);
      assert.equal(await attach(custom("p1")), undefined);
      world.now += 1000;
      assert.equal(await attach(system("AliyunKMSReadOnlyAccess")), undefined);
      const [first, second, ...rest] = await list();
      assert.deepEqual([first?.["PolicyName"], second?.["PolicyName"], rest], ["p1", "AliyunKMSReadOnlyAccess", []]);
      assert.deepEqual(Object.keys(first ?? {}).toSorted(), [
        "AttachDate",
        "DefaultVersion",
        "Description",
        "PolicyName",
        "PolicyType",
      ]);
      assert.equal(await attach(custom("p1")), `EntityAlreadyExists.${noun}.Policy`);
      assert.equal(await detach(custom("p2")), `EntityNotExist.${noun}.Policy`);
      assert.equal(await detach(custom("p1")), undefined);
      assert.equal(await detach(custom("p1")), `EntityNotExist.${noun}.Policy`);
      assert.equal(await detach(system("AliyunKMSReadOnlyAccess")), undefined);
      assert.deepEqual(await list(), []);
    });

    test(`refuses what is not there, and more custom policies of a ${noun} than ${max}`, async () => {
      assert.equal(await attach(custom("nothing")), "EntityNotExist.Policy");
      assert.equal(await attach(system("p1")), "EntityNotExist.Policy");
      assert.equal(await attach(custom("p1"), "nobody"), `EntityNotExist.${noun}`);
      assert.equal(await detach(custom("p1"), "nobody"), `EntityNotExist.${noun}`);
      assert.equal(await attach(custom("p1"), "a/b"), `InvalidParameter.${noun}Name.InvalidChars`);
      assert.equal(await attach({ ...custom("p1"), ResourceGroupId: "rg-1" }), "UnsupportedOperation");
      for (let i = 0; i < max; i++) assert.equal(await attach(custom(`p${i}`)), undefined);
      assert.equal(await attach(custom("p10")), `LimitExceeded.${noun}.Policy`);
      assert.equal(await attach(system("AliyunKMSFullAccess")), undefined);
      for (let i = 0; i < max; i++) assert.equal(await detach(custom(`p${i}`)), undefined);
      assert.equal(await detach(system("AliyunKMSFullAccess")), undefined);
    });
  }

  test("says whom a policy is attached to, counts them, and does not delete it meanwhile", async () => {
    const policy = { PolicyName: "p3" };
    for (const { noun } of KINDS) {
      await world.ok(`AttachPolicyTo${noun}`, { [`${noun}Name`]: "alice", ...custom("p3") });
      assert.equal(await world.code("DeletePolicy", policy), "DeleteConflict.Policy.User");
    }
    const { Users, Groups, Roles } = await world.ok<{
      Users: { User: readonly Summary[] };
      Groups: { Group: readonly Summary[] };
      Roles: { Role: readonly Summary[] };
    }>("ListEntitiesForPolicy", custom("p3"));
    assert.deepEqual(
      [Users.User, Groups.Group, Roles.Role].map((entities) => entities.length),
      [1, 1, 1],
    );
    assert.equal(Users.User[0]?.["UserName"], "alice");
    assert.equal(Groups.Group[0]?.["GroupName"], "alice");
    assert.equal(Roles.Role[0]?.["Arn"], `acs:ram::${world.accountId}:role/alice`);
    assert.ok(isId("Role", String(Roles.Role[0]?.["RoleId"])));
    const { Policy } = await world.ok<{ Policy: Summary }>("GetPolicy", custom("p3"));
    assert.equal(Policy["AttachmentCount"], 3);
    assert.equal(await world.code("DeleteRole", { RoleName: "alice" }), "DeleteConflict.Role.Policy");

    const conflicts = ["DeleteConflict.Policy.Group", "DeleteConflict.Policy.Role", undefined];
    for (const [i, { noun }] of KINDS.entries()) {
      await world.ok(`DetachPolicyFrom${noun}`, { [`${noun}Name`]: "alice", ...custom("p3") });
      assert.equal(await world.code("DeletePolicy", policy), conflicts[i]);
    }
    assert.equal(await hasAttachments(world.context(), "role", String(Roles.Role[0]?.["RoleId"])), false);
  });

  test("asks for the right to both the user and the policy", async () => {
    const carol = await world.addUser("carol");
    const on = (resource: string) => ({
      Effect: "Allow",
      Action: "ram:AttachPolicyToUser",
      Resource: `acs:ram:*:${world.accountId}:${resource}`,
    });
    const attachAs = async (as: Principal) =>
      world.code("AttachPolicyToUser", { UserName: "alice", ...custom("p1") }, { as });
    const grant = async (name: string, statement: readonly object[]) => {
      const PolicyDocument = JSON.stringify({ Version: "1", Statement: statement });
      await world.ok("CreatePolicy", { PolicyName: name, PolicyDocument });
      await world.ok("AttachPolicyToUser", { UserName: "carol", ...custom(name) });
    };
    assert.equal(await attachAs(carol), "NoPermission");
    await grant("users-only", [on("user/*")]);
    assert.equal(await attachAs(carol), "NoPermission");
    await grant("one-policy", [on("policy/p1")]);
    assert.equal(await attachAs(carol), undefined);
    const ofSystem = { UserName: "alice", ...system("AdministratorAccess") };
    assert.equal(await world.code("AttachPolicyToUser", ofSystem, { as: carol }), "NoPermission");
    await grant("system-policies", [
      { Effect: "Allow", Action: "ram:AttachPolicyToUser", Resource: "acs:ram:*:system:policy/AdministratorAccess" },
    ]);
    assert.equal(await world.code("AttachPolicyToUser", ofSystem, { as: carol }), undefined);
  });
});
