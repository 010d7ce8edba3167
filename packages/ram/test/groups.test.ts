import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { PolicyWorld } from "./support/policy-world.ts";

type Fields = Readonly<Record<string, unknown>>;

const MADE = "2026-01-02T03:04:05Z";

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("makes a group, shows it, gives it another name, and deletes it", async () => {
    const { Group: made } = await world.ok<{ Group: Fields }>("CreateGroup", { GroupName: "dev", Comments: "writes" });
    assert.match(String(made["GroupId"]), /^g-[A-Za-z0-9]{16}$/);
    const group = { GroupId: made["GroupId"], GroupName: "dev", Comments: "writes", CreateDate: MADE };
    assert.deepEqual(made, group);
    assert.deepEqual(await world.ok("GetGroup", { GroupName: "dev" }), { Group: { ...group, UpdateDate: MADE } });
    assert.equal(await world.code("CreateGroup", { GroupName: "dev" }), "EntityAlreadyExists.Group");
    const next = { ...group, GroupName: "ops", UpdateDate: MADE };
    assert.deepEqual(await world.ok("UpdateGroup", { GroupName: "dev", NewGroupName: "ops" }), { Group: next });
    assert.equal(await world.code("GetGroup", { GroupName: "dev" }), "EntityNotExist.Group");
    await world.ok("DeleteGroup", { GroupName: "ops" });
    assert.equal(await world.code("DeleteGroup", { GroupName: "ops" }), "EntityNotExist.Group");
  });

  test("users join and leave, and either side lists the other", async () => {
    await world.ok("CreateGroup", { GroupName: "team", Comments: "all of us" });
    await world.ok("CreateUser", { UserName: "zoe", DisplayName: "Zoe" });
    await world.ok("CreateUser", { UserName: "amy" });
    for (const UserName of ["zoe", "amy"]) {
      assert.deepEqual(await world.ok("AddUserToGroup", { UserName, GroupName: "team" }), {});
    }
    const again = { UserName: "amy", GroupName: "team" };
    assert.equal(await world.code("AddUserToGroup", again), "EntityAlreadyExists.User.Group");
    assert.deepEqual(await world.ok("ListUsersForGroup", { GroupName: "team" }), {
      Users: {
        User: [
          { UserName: "amy", JoinDate: MADE },
          { UserName: "zoe", DisplayName: "Zoe", JoinDate: MADE },
        ],
      },
      IsTruncated: false,
    });
    const first = await world.ok<Fields>("ListUsersForGroup", { GroupName: "team", MaxItems: "1" });
    assert.equal(first["IsTruncated"], true);
    const second = await world.ok<{ Users: { User: Fields[] } }>("ListUsersForGroup", {
      GroupName: "team",
      Marker: String(first["Marker"]),
    });
    assert.deepEqual(
      second.Users.User.map(({ UserName }) => UserName),
      ["zoe"],
    );
    const { Group } = await world.ok<{ Group: Fields }>("GetGroup", { GroupName: "team" });
    assert.deepEqual(await world.ok("ListGroupsForUser", { UserName: "amy" }), {
      Groups: {
        Group: [{ GroupId: Group["GroupId"], GroupName: "team", Comments: "all of us", JoinDate: MADE }],
      },
    });
    assert.equal(await world.code("DeleteGroup", { GroupName: "team" }), "DeleteConflict.Group.User");
    for (const UserName of ["zoe", "amy"]) await world.ok("RemoveUserFromGroup", { UserName, GroupName: "team" });
    assert.equal(await world.code("RemoveUserFromGroup", again), "EntityNotExist.User.Group");
    await world.ok("DeleteGroup", { GroupName: "team" });
  });

  test("a group with policies is not deleted", async () => {
    await world.ok("CreateGroup", { GroupName: "readers" });
    const policy = { GroupName: "readers", PolicyType: "System", PolicyName: "AliyunKMSReadOnlyAccess" };
    await world.ok("AttachPolicyToGroup", policy);
    assert.equal(await world.code("DeleteGroup", { GroupName: "readers" }), "DeleteConflict.Group.Policy");
    await world.ok("DetachPolicyFromGroup", policy);
    await world.ok("DeleteGroup", { GroupName: "readers" });
  });

  test("to join and to leave takes the right on the group and on the user, and gives and takes what the group may do", async () => {
    await world.ok("CreateGroup", { GroupName: "writers" });
    const as = await world.addUser("newcomer");
    await world.ok("AttachPolicyToGroup", {
      GroupName: "writers",
      PolicyType: "System",
      PolicyName: "AliyunKMSReadOnlyAccess",
    });
    const membership = { UserName: "newcomer", GroupName: "writers" };
    assert.equal(await world.may(as, "kms:ListKeys"), false);
    await world.ok("AddUserToGroup", membership);
    assert.equal(await world.may(as, "kms:ListKeys"), true);
    await world.ok("RemoveUserFromGroup", membership);
    assert.equal(await world.may(as, "kms:ListKeys"), false);

    const admin = await world.addUser("half-admin");
    const grant = async (type: "user" | "group", name: string): Promise<void> => {
      const Resource = `acs:ram:*:${world.accountId}:${type}/${name}`;
      const PolicyName = `on-${type}`;
      await world.ok("CreatePolicy", {
        PolicyName,
        PolicyDocument: JSON.stringify({
          Version: "1",
          Statement: [{ Effect: "Allow", Action: "ram:AddUserToGroup", Resource }],
        }),
      });
      await world.ok("AttachPolicyToUser", { UserName: "half-admin", PolicyType: "Custom", PolicyName });
    };
    await grant("group", "writers");
    assert.equal(await world.code("AddUserToGroup", membership, { as: admin }), "NoPermission");
    await grant("user", "newcomer");
    assert.equal(await world.code("AddUserToGroup", membership, { as: admin }), undefined);
  });

  test("a user belongs to 5 groups at most, and an account has 50", async () => {
    const crowded = await PolicyWorld.open(database);
    try {
      await crowded.ok("CreateUser", { UserName: "joiner" });
      for (let i = 0; i < 50; i++) await crowded.ok("CreateGroup", { GroupName: `group-${i}` });
      assert.equal(await crowded.code("CreateGroup", { GroupName: "one-more" }), "LimitExceeded.Group");
      for (let i = 0; i < 5; i++) {
        await crowded.ok("AddUserToGroup", { UserName: "joiner", GroupName: `group-${i}` });
      }
      assert.equal(
        await crowded.code("AddUserToGroup", { UserName: "joiner", GroupName: "group-5" }),
        "LimitExceeded.User.Group",
      );
      const { Groups } = await crowded.ok<{ Groups: { Group: Fields[] } }>("ListGroups", { MaxItems: "100" });
      assert.equal(Groups.Group.length, 50);
    } finally {
      await crowded[Symbol.asyncDispose]();
    }
  });
});
