import assert from "node:assert/strict";
import { test } from "node:test";
import { parseId, sweep } from "@cinnabar/kernel";
import { Administration } from "@cinnabar/ram";
import { forEachDatabase } from "@cinnabar/testkit";
import { rotateOrResume } from "../src/rotation/index.ts";
import { accountKeyUses as uses, protectedTables } from "../src/tables.ts";
import type { AccountCaller, Wire } from "./support/two-accounts.ts";
import { TwoNodes } from "./support/two-nodes.ts";

const RAM = "2015-05-01";
const PASSWORD = "Correct-horse-1";

async function codeOf(caller: AccountCaller, action: string, wire: Wire = {}, version?: string): Promise<string> {
  const { status, body } = await caller.attempt(action, wire, version);
  return status === 200 ? "OK" : (JSON.parse(String(body)) as { Code: string }).Code;
}

forEachDatabase((database) => {
  test("what is taken from a user at one node is refused at the other from then on", async () => {
    await using world = await TwoNodes.start(database);
    const UserName = "alice";
    await world.administer("CreateUser", { UserName });
    await world.administer("CreateGroup", { GroupName: "readers" });
    const policy = { PolicyType: "System", PolicyName: "AliyunKMSReadOnlyAccess" };
    await world.administer("AttachPolicyToGroup", { GroupName: "readers", ...policy });
    const user = await world.sign(UserName);
    const UserAccessKeyId = user.accessKeyId;

    const rounds: [taken: [string, Wire], given: [string, Wire], refusal: string][] = [
      [
        ["RemoveUserFromGroup", { UserName, GroupName: "readers" }],
        ["AddUserToGroup", { UserName, GroupName: "readers" }],
        "Forbidden.NoPermission",
      ],
      [
        ["UpdateAccessKey", { UserName, UserAccessKeyId, Status: "Inactive" }],
        ["UpdateAccessKey", { UserName, UserAccessKeyId, Status: "Active" }],
        "InvalidAccessKeyId.Inactive",
      ],
    ];
    await world.administer("AddUserToGroup", { UserName, GroupName: "readers" });
    for (const [taken, given, refusal] of rounds) {
      for (let i = 0; i < 5; i++) {
        assert.equal(await codeOf(user, "ListKeys"), "OK", `before ${taken[0]}`);
        await world.administer(...taken);
        assert.equal(await codeOf(user, "ListKeys"), refusal, `after ${taken[0]}`);
        await world.administer(...given);
      }
    }

    // A name is a right: with another one the user has those of that name.
    const PolicyDocument = JSON.stringify({
      Version: "1",
      Statement: [
        { Effect: "Allow", Action: "ram:GetUser", Resource: `acs:ram:*:${world.root.accountId}:user/${UserName}` },
      ],
    });
    await world.administer("CreatePolicy", { PolicyName: "self", PolicyDocument });
    await world.administer("AttachPolicyToUser", { UserName, PolicyType: "Custom", PolicyName: "self" });
    assert.equal(await codeOf(user, "GetUser", { UserName }, RAM), "OK");
    const NewUserName = "bob";
    await world.administer("UpdateUser", { UserName, NewUserName });
    assert.equal(await codeOf(user, "GetUser", { UserName: NewUserName }, RAM), "NoPermission");

    await world.administer("DeleteAccessKey", { UserName: NewUserName, UserAccessKeyId });
    assert.equal(await codeOf(user, "ListKeys"), "InvalidAccessKeyId.NotFound");
  });

  test("tells when an AccessKey was used last, at whichever node, and nothing of one that never was", async () => {
    await using world = await TwoNodes.start(database);
    await world.administer("CreateUser", { UserName: "alice" });
    const user = await world.sign("alice");
    const key = { UserName: "alice", UserAccessKeyId: user.accessKeyId };
    const lastUsed = async (): Promise<string | undefined> => {
      const answer = await world.administer<{ AccessKeyLastUsed: { LastUsedDate?: string } }>(
        "GetAccessKeyLastUsed",
        key,
      );
      return answer.AccessKeyLastUsed.LastUsedDate;
    };
    assert.equal(await lastUsed(), undefined);
    assert.equal(await codeOf(user, "ListKeys"), "Forbidden.NoPermission");
    assert.match((await lastUsed()) ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test("an operator sees the AccessKeys of roots, and can disable and delete those of users", async () => {
    await using world = await TwoNodes.start(database);
    await world.administer("CreateUser", { UserName: "alice" });
    const user = await world.sign("alice");
    const id = parseId("AccessKey", user.accessKeyId);
    const accountId = parseId("Account", world.root.accountId);
    await using command = await world.openCommand();
    const administration = new Administration(command);
    const roots = await administration.listAccessKeys({ accountId });
    assert.deepEqual(
      roots.map(({ id, userId }) => [id, userId]),
      [[world.root.accessKeyId, undefined]],
    );
    assert.equal((await administration.listAccounts())[0]?.accessKeys, 1);
    assert.equal(await codeOf(user, "ListKeys"), "Forbidden.NoPermission");
    // The user's only one, and no root's last one.
    assert.equal(await administration.disableAccessKey(id, { force: false }), true);
    assert.equal(await codeOf(user, "ListKeys"), "InvalidAccessKeyId.Inactive");
    await administration.deleteAccessKey(id, { force: false });
    assert.equal(await codeOf(user, "ListKeys"), "InvalidAccessKeyId.NotFound");
    const last = parseId("AccessKey", world.root.accessKeyId);
    await assert.rejects(administration.disableAccessKey(last, { force: false }), { code: "lastActiveAccessKey" });
  });

  test("passwords and second factors survive a rotation of the account's key", async () => {
    await using world = await TwoNodes.start(database);
    const UserName = "alice";
    await world.administer("CreateUser", { UserName });
    await world.administer("CreateLoginProfile", { UserName, Password: PASSWORD });
    await world.administer("CreateVirtualMFADevice", { VirtualMFADeviceName: "phone" });
    const user = await world.sign(UserName);

    await using command = await world.openCommand();
    const { store, keys } = command;
    const { backend, guard } = store;
    const accountId = parseId("Account", world.root.accountId);
    const { rewrapped } = await rotateOrResume(store, { keys, uses, accountId, rows: 10, onRewrapped: () => {} });
    // Two AccessKeys, the user's hashes, and the device's seed.
    assert.equal(rewrapped, 4);
    const report = await sweep({ backend, guard, tables: protectedTables, rest: () => Promise.resolve() });
    assert.deepEqual(report.problems, []);

    const change = { OldPassword: PASSWORD, NewPassword: `${PASSWORD}-new` };
    assert.equal(await codeOf(user, "ChangePassword", change, RAM), "OK");
    const bind = {
      UserName,
      SerialNumber: `acs:ram::${world.root.accountId}:mfa/phone`,
      AuthenticationCode1: "000000",
      AuthenticationCode2: "000000",
    };
    // It opens, and the codes are wrong; of 10^12 pairs three would be right.
    assert.equal(await codeOf(world.root, "BindMFADevice", bind, RAM), "CheckAuthenticationCodeFail");
  });
});
