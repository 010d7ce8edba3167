import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createAuthenticator } from "@cinnabar/ram";
import { forEachDatabase } from "@cinnabar/testkit";
import { PolicyWorld } from "./support/policy-world.ts";

interface Made {
  readonly AccessKey: Readonly<Record<"AccessKeyId" | "AccessKeySecret" | "Status" | "CreateDate", string>>;
}

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("makes an AccessKey of a user whose secret is shown once, and nowhere in the event", async () => {
    await world.ok("CreateUser", { UserName: "alice" });
    const { result, noted } = await world.call("CreateAccessKey", { UserName: "alice" });
    const { AccessKey } = result as unknown as Made;
    assert.match(AccessKey.AccessKeyId, /^LTAI5t[A-Za-z0-9]{18}$/);
    assert.match(AccessKey.AccessKeySecret, /^[A-Za-z0-9]{30}$/);
    assert.equal(noted["accessKeyId"], AccessKey.AccessKeyId);
    assert.ok(!JSON.stringify(noted).includes(AccessKey.AccessKeySecret));
    const { AccessKeySecret: _secret, ...shown } = AccessKey;
    assert.deepEqual(await world.ok("ListAccessKeys", { UserName: "alice" }), { AccessKeys: { AccessKey: [shown] } });
  });

  test("a user has 2 AccessKeys at most, whatever their status", async () => {
    const user = { UserName: "two-keys" };
    await world.ok("CreateUser", user);
    const { AccessKey: first } = await world.ok<Made>("CreateAccessKey", user);
    const key = { ...user, UserAccessKeyId: first.AccessKeyId };
    await world.ok("CreateAccessKey", user);
    assert.equal(await world.code("CreateAccessKey", user), "LimitExceeded.User.AccessKey");
    await world.ok("UpdateAccessKey", { ...key, Status: "Inactive" });
    assert.equal(await world.code("CreateAccessKey", user), "LimitExceeded.User.AccessKey");
    await world.ok("DeleteAccessKey", key);
    await world.ok("CreateAccessKey", user);
  });

  test("is the user's while it is active, refused while it is not, and unknown when it or its user's name is gone", async () => {
    const user = { UserName: "signer" };
    const { User } = await world.ok<{ User: { UserId: string } }>("CreateUser", user);
    const { AccessKey } = await world.ok<Made>("CreateAccessKey", user);
    const { AccessKeyId: accessKeyId } = AccessKey;
    const authenticator = createAuthenticator(world.keys);
    const identify = async () => {
      const found = await authenticator.find(world.context(), { accessKeyId, securityToken: undefined });
      return found?.secret === undefined ? undefined : found;
    };
    assert.ok(authenticator.isIssued({ accessKeyId, securityToken: undefined }));
    const found = await identify();
    assert.deepEqual(found?.principal, {
      type: "ram-user",
      accountId: world.accountId,
      accessKeyId,
      userId: User.UserId,
      userName: "signer",
      arn: `acs:ram::${world.accountId}:user/signer`,
    });
    assert.equal(found.refusedAs, undefined);

    const key = { ...user, UserAccessKeyId: accessKeyId };
    await world.ok("UpdateAccessKey", { ...key, Status: "Inactive" });
    assert.equal((await identify())?.refusedAs, "InvalidAccessKeyId.Inactive");
    await world.ok("UpdateAccessKey", { ...key, Status: "Active" });
    assert.equal((await identify())?.refusedAs, undefined);
    await world.ok("UpdateUser", { ...user, NewUserName: "renamed" });
    const renamed = (await identify())?.principal;
    assert.equal(renamed?.type === "ram-user" && renamed.userName, "renamed");
    await world.ok("DeleteAccessKey", { ...key, UserName: "renamed" });
    assert.equal(await identify(), undefined);
  });

  test("an AccessKey of somebody else's is none of the user's", async () => {
    for (const UserName of ["owner", "neighbour"]) await world.ok("CreateUser", { UserName });
    const { AccessKey } = await world.ok<Made>("CreateAccessKey", { UserName: "owner" });
    const key = { UserName: "neighbour", UserAccessKeyId: AccessKey.AccessKeyId };
    for (const [name, more] of [
      ["UpdateAccessKey", { Status: "Inactive" }],
      ["DeleteAccessKey", {}],
      ["GetAccessKeyLastUsed", {}],
    ] as const) {
      assert.equal(await world.code(name, { ...key, ...more }), "EntityNotExist.User.AccessKey", name);
    }
  });

  test("without a name it is the caller's own; a root has to name a user", async () => {
    const as = await world.addUser("self");
    const refusal = await world.refusal("ListAccessKeys", {});
    assert.equal(refusal, 'MissingParameter: The parameter "UserName" is needed but not provided.');
    assert.equal(await world.code("ListAccessKeys", {}, { as }), "NoPermission");
    await world.ok("CreatePolicy", {
      PolicyName: "own-keys",
      PolicyDocument: JSON.stringify({
        Version: "1",
        Statement: [{ Effect: "Allow", Action: "ram:*AccessKey*", Resource: `acs:ram:*:${world.accountId}:user/self` }],
      }),
    });
    await world.ok("AttachPolicyToUser", { UserName: "self", PolicyType: "Custom", PolicyName: "own-keys" });
    const { error, result } = await world.call("CreateAccessKey", {}, { as });
    assert.equal(error, undefined);
    const { AccessKeyId } = (result as unknown as Made).AccessKey;
    assert.equal(await world.code("DeleteAccessKey", { UserAccessKeyId: AccessKeyId }, { as }), undefined);
    assert.equal(await world.code("CreateAccessKey", { UserName: "owner" }, { as }), "NoPermission");
  });

  test("tells when an AccessKey was used last", async () => {
    await world.ok("CreateUser", { UserName: "used" });
    const { AccessKey } = await world.ok<Made>("CreateAccessKey", { UserName: "used" });
    const key = { UserName: "used", UserAccessKeyId: AccessKey.AccessKeyId };
    assert.deepEqual(await world.ok("GetAccessKeyLastUsed", key), { AccessKeyLastUsed: {} });
    world.lastUse = Date.UTC(2026, 0, 1, 2, 3, 4);
    assert.deepEqual(await world.ok("GetAccessKeyLastUsed", key), {
      AccessKeyLastUsed: { LastUsedDate: "2026-01-01T02:03:04Z" },
    });
  });

  test("a row that was given to another user is tampered with", async () => {
    const thief = await world.addUser("thief");
    await world.ok("CreateUser", { UserName: "victim" });
    const { AccessKey } = await world.ok<Made>("CreateAccessKey", { UserName: "victim" });
    const { AccessKeyId: id } = AccessKey;
    await world.tamper(`update access_key set user_id = '${thief.userId}' where id = '${id}'`);
    await assert.rejects(world.call("ListAccessKeys", { UserName: "thief" }), /access_key/);
  });
});
