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

  test("makes a user, shows it, changes what is given, and deletes it", async () => {
    const details = {
      UserName: "alice",
      DisplayName: "Alice 甲",
      MobilePhone: "86-18600000000",
      Email: "alice@example.com",
      Comments: "keeps the keys",
    };
    const { User: made } = await world.ok<{ User: Fields }>("CreateUser", details);
    assert.match(String(made["UserId"]), /^2\d{17}$/);
    const user = { UserId: made["UserId"], ...details, CreateDate: MADE };
    assert.deepEqual(made, user);
    assert.deepEqual(await world.ok("GetUser", { UserName: "alice" }), { User: { ...user, UpdateDate: MADE } });

    world.now += 60_000;
    const changed = { ...user, Email: "a@example.org", UpdateDate: "2026-01-02T03:05:05Z" };
    assert.deepEqual(await world.ok("UpdateUser", { UserName: "alice", NewEmail: "a@example.org" }), {
      User: changed,
    });
    const renamed = { ...changed, UserName: "alicia" };
    assert.deepEqual(await world.ok("UpdateUser", { UserName: "alice", NewUserName: "alicia" }), { User: renamed });
    assert.equal(await world.code("GetUser", { UserName: "alice" }), "EntityNotExist.User");
    assert.deepEqual(await world.ok("GetUser", { UserName: "alicia" }), { User: renamed });

    assert.deepEqual(await world.ok("DeleteUser", { UserName: "alicia" }), {});
    assert.equal(await world.code("GetUser", { UserName: "alicia" }), "EntityNotExist.User");
    world.now -= 60_000;
  });

  test("a name is one user's, and may be had again when that user is gone", async () => {
    await world.ok("CreateUser", { UserName: "taken" });
    await world.ok("CreateUser", { UserName: "other" });
    assert.equal(await world.code("CreateUser", { UserName: "taken" }), "EntityAlreadyExists.User");
    assert.equal(
      await world.code("UpdateUser", { UserName: "other", NewUserName: "taken" }),
      "EntityAlreadyExists.User",
    );
    const { User: before } = await world.ok<{ User: Fields }>("GetUser", { UserName: "taken" });
    await world.ok("DeleteUser", { UserName: "taken" });
    const { User: next } = await world.ok<{ User: Fields }>("CreateUser", { UserName: "taken" });
    assert.notEqual(next["UserId"], before["UserId"]);
    for (const UserName of ["taken", "other"]) await world.ok("DeleteUser", { UserName });
  });

  test("refuses wrong names and details with the published codes", async () => {
    const refusals: [parameters: Record<string, string>, code: string][] = [
      [{}, "MissingParameter"],
      [{ UserName: "a b" }, "InvalidParameter.UserName.InvalidChars"],
      [{ UserName: "用户" }, "InvalidParameter.UserName.InvalidChars"],
      [{ UserName: "a\nb" }, "InvalidParameter.UserName.InvalidChars"],
      [{ UserName: "a".repeat(65) }, "InvalidParameter.UserName.Length"],
      [{ UserName: "ok", DisplayName: "x".repeat(129) }, "InvalidParameter.DisplayName.Length"],
      [{ UserName: "ok", DisplayName: "\0" }, "InvalidParameter.DisplayName.InvalidChars"],
      [{ UserName: "ok", Comments: "x".repeat(129) }, "InvalidParameter.Comments.Length"],
      [{ UserName: "ok", MobilePhone: "18600000000" }, "InvalidParameter.MobilePhone.Format"],
      [{ UserName: "ok", Email: "example.com" }, "InvalidParameter.Email.Format"],
    ];
    for (const [parameters, code] of refusals) {
      assert.equal(await world.code("CreateUser", parameters), code, JSON.stringify(parameters));
    }
    await world.ok("CreateUser", { UserName: "x".repeat(64) });
    assert.equal(
      await world.code("UpdateUser", { UserName: "x".repeat(64), NewUserName: "y".repeat(65) }),
      "InvalidParameter.NewUserName.Length",
    );
    await world.ok("DeleteUser", { UserName: "x".repeat(64) });
  });

  test("a user with anything left is not deleted, and the refusal says what is left", async () => {
    const UserName = "bob";
    const user = { UserName };
    await world.ok("CreateUser", user);
    const conflict = async (what: string): Promise<void> =>
      assert.equal(await world.code("DeleteUser", user), `DeleteConflict.User.${what}`);

    await world.ok("CreateGroup", { GroupName: "left" });
    await world.ok("AddUserToGroup", { ...user, GroupName: "left" });
    await conflict("Group");
    await world.ok("RemoveUserFromGroup", { ...user, GroupName: "left" });

    const policy = { ...user, PolicyType: "System", PolicyName: "AliyunKMSReadOnlyAccess" };
    await world.ok("AttachPolicyToUser", policy);
    await conflict("Policy");
    await world.ok("DetachPolicyFromUser", policy);

    const { AccessKey } = await world.ok<{ AccessKey: Fields }>("CreateAccessKey", user);
    await conflict("AccessKey");
    await world.ok("DeleteAccessKey", { ...user, UserAccessKeyId: String(AccessKey["AccessKeyId"]) });

    await world.ok("CreateLoginProfile", { ...user, Password: "correct horse" });
    await conflict("LoginProfile");
    await world.ok("DeleteLoginProfile", user);

    await world.ok("DeleteUser", user);
    await world.ok("DeleteGroup", { GroupName: "left" });
  });

  test("turns the pages of users in the order of their names", async () => {
    const names = Array.from({ length: 7 }, (_, i) => `page-${i}`);
    for (const UserName of names.toReversed()) await world.ok("CreateUser", { UserName });
    const seen: unknown[] = [];
    let marker: string | undefined;
    do {
      const page = await world.ok<{ Users: { User: Fields[] }; IsTruncated: boolean; Marker?: string }>("ListUsers", {
        MaxItems: "3",
        ...(marker !== undefined && { Marker: marker }),
      });
      seen.push(...page.Users.User.map(({ UserName }) => UserName));
      assert.equal(page.IsTruncated, page.Marker !== undefined);
      marker = page.Marker;
      // What is deleted behind the page moves nothing.
      if (seen.length === 3) await world.ok("DeleteUser", { UserName: "page-0" });
    } while (marker !== undefined);
    assert.deepEqual(seen, names);
    assert.match(await world.refusal("ListUsers", { Marker: "made up" }), /^InvalidParameter: .*"Marker"/);
    assert.match(await world.refusal("ListUsers", { MaxItems: "0" }), /^InvalidParameter: .*"MaxItems"/);
    assert.match(await world.refusal("ListUsers", { MaxItems: "1001" }), /^InvalidParameter: .*"MaxItems"/);
    for (const UserName of names.slice(1)) await world.ok("DeleteUser", { UserName });
  });

  test("a user may do what it is allowed by name, and hears nothing of who else is there", async () => {
    await world.ok("CreateUser", { UserName: "there" });
    const as = await world.addUser("caller");
    for (const UserName of ["there", "not-there"]) {
      assert.equal(await world.code("GetUser", { UserName }, { as }), "NoPermission");
    }
    await world.ok("CreatePolicy", {
      PolicyName: "reads-one",
      PolicyDocument: JSON.stringify({
        Version: "1",
        Statement: [
          {
            Effect: "Allow",
            Action: ["ram:GetUser", "ram:UpdateUser"],
            Resource: `acs:ram:*:${world.accountId}:user/there`,
          },
        ],
      }),
    });
    await world.ok("AttachPolicyToUser", { UserName: "caller", PolicyType: "Custom", PolicyName: "reads-one" });
    assert.equal(await world.code("GetUser", { UserName: "there" }, { as }), undefined);
    assert.equal(await world.code("GetUser", { UserName: "not-there" }, { as }), "NoPermission");
    // Another name is another user's rights.
    const rename = { UserName: "there", NewUserName: "admin" };
    assert.equal(await world.code("UpdateUser", rename, { as }), "NoPermission");
    assert.equal(await world.code("UpdateUser", { UserName: "there", NewComments: "c" }, { as }), undefined);
  });

  test("says in the event which user it is about, as of which revision", async () => {
    await world.ok("CreateUser", { UserName: "noted" });
    const { User } = await world.ok<{ User: Fields }>("GetUser", { UserName: "noted" });
    await world.ok("UpdateUser", { UserName: "noted", NewComments: "c" });
    const { noted } = await world.call("GetUser", { UserName: "noted" });
    const { userId, userRevision } = noted;
    assert.deepEqual({ userId, userRevision }, { userId: User["UserId"], userRevision: 2 });
  });

  test("stops at 1,000 users", async () => {
    const crowded = await PolicyWorld.open(database);
    try {
      await crowded.addUsers(Array.from({ length: 1_000 }, (_, i) => `user-${i}`));
      assert.equal(await crowded.code("CreateUser", { UserName: "one-more" }), "LimitExceeded.User");
      await crowded.ok("DeleteUser", { UserName: "user-7" });
      await crowded.ok("CreateUser", { UserName: "one-more" });
    } finally {
      await crowded[Symbol.asyncDispose]();
    }
  });
});
