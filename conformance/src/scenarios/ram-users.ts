import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const STEP_SECONDS = 30;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const PASSWORD = "Correct-horse-battery-1";

const uniqueName = (kind: string): string => `${kind}-${randomUUID()}`;
const object = (value: unknown): Body => value as Body;
const objects = (value: unknown): readonly Body[] => value as readonly Body[];

/** A user without rights, and its AccessKey. */
async function createUser(root: Caller): Promise<{ readonly userName: string; readonly caller: Caller }> {
  const userName = uniqueName("user");
  await root.call("CreateUser", { UserName: userName });
  const { AccessKey } = await root.call("CreateAccessKey", { UserName: userName });
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = AccessKey as Record<string, string>;
  assert(accessKeyId !== undefined && accessKeySecret !== undefined);
  return { userName, caller: root.with({ accessKeyId, accessKeySecret }) };
}

/** The code that a call is refused with; what else the answer says is another test's. */
async function refusalOf(caller: Caller, action: string, parameters: Parameters<Caller["call"]>[1]): Promise<unknown> {
  const { error } = await caller.attempt(action, parameters);
  return error && `${error.status} ${error.code}`;
}

/** What administrators do with users, groups and what belongs to them, through the client of RAM. */
export const ramUserScenarios: readonly Scenario[] = [
  {
    title: "makes a user with all its details, finds it, changes it and deletes it",
    async run(root) {
      const UserName = uniqueName("alice");
      const details = {
        UserName,
        DisplayName: "Alice 甲",
        MobilePhone: "86-18600000000",
        Email: "alice@example.com",
        Comments: "keeps & turns the keys = +",
      };
      const { User: made } = await root.call("CreateUser", details);
      const { UserId, CreateDate, ...rest } = object(made);
      assert.match(String(UserId), /^\d{18}$/);
      assert.match(String(CreateDate), INSTANT);
      assert.deepEqual(rest, details);
      const { User: got } = await root.call("GetUser", { UserName });
      assert.partialDeepStrictEqual(got, { ...details, UserId, CreateDate });
      await root.refused("EntityAlreadyExists.User", "CreateUser", { UserName });

      const NewUserName = uniqueName("alicia");
      const { User: changed } = await root.call("UpdateUser", { UserName, NewUserName, NewComments: "new" });
      assert.partialDeepStrictEqual(changed, { ...details, UserId, UserName: NewUserName, Comments: "new" });
      await root.refused("EntityNotExist.User", "GetUser", { UserName });
      assert.deepEqual(await root.call("DeleteUser", { UserName: NewUserName }), {});
      await root.refused("EntityNotExist.User", "DeleteUser", { UserName: NewUserName });
      await root.refused("InvalidParameter.UserName.InvalidChars", "CreateUser", { UserName: "a b" });
      await root.refused("InvalidParameter.UserName.Length", "CreateUser", { UserName: "a".repeat(65) });
    },
  },
  {
    title: "turns the pages of users and of groups",
    async run(root) {
      const mark = randomUUID();
      const names = ["a", "b", "c"].map((letter) => `${mark}-${letter}`);
      for (const name of names) {
        await root.call("CreateUser", { UserName: name });
        await root.call("CreateGroup", { GroupName: name, Comments: "of a page" });
      }
      for (const [action, plural, singular] of [
        ["ListUsers", "Users", "User"],
        ["ListGroups", "Groups", "Group"],
      ] as const) {
        const seen: unknown[] = [];
        let marker: string | undefined;
        do {
          const page = await root.call(action, {
            MaxItems: 2,
            ...(marker !== undefined && { Marker: marker }),
          });
          const items = objects(object(page[plural])[singular]);
          assert(items.length <= 2);
          seen.push(...items.map((item) => item[`${singular}Name`]));
          assert.equal(page["IsTruncated"], page["Marker"] !== undefined);
          marker = page["Marker"] as string | undefined;
        } while (marker !== undefined);
        assert.deepEqual(
          seen.filter((name) => String(name).startsWith(mark)),
          names,
        );
      }
      await root.refused("InvalidParameter", "ListUsers", { Marker: "made up" });
      for (const name of names) await root.call("DeleteGroup", { GroupName: name });
    },
  },
  {
    title: "lets users join a group and leave it",
    async run(root) {
      const [GroupName, UserName] = [uniqueName("group"), uniqueName("member")];
      const { Group } = await root.call("CreateGroup", { GroupName, Comments: "all of us" });
      const { GroupId } = object(Group);
      await root.call("CreateUser", { UserName, DisplayName: "Member" });
      await root.refused("EntityAlreadyExists.Group", "CreateGroup", { GroupName });
      await root.refused("EntityNotExist.Group", "AddUserToGroup", { UserName, GroupName: uniqueName("none") });
      await root.refused("EntityNotExist.User.Group", "RemoveUserFromGroup", { UserName, GroupName });
      assert.deepEqual(await root.call("AddUserToGroup", { UserName, GroupName }), {});
      await root.refused("EntityAlreadyExists.User.Group", "AddUserToGroup", { UserName, GroupName });
      const { Users } = await root.call("ListUsersForGroup", { GroupName });
      assert.partialDeepStrictEqual(object(Users)["User"], [{ UserName, DisplayName: "Member" }]);
      const { Groups } = await root.call("ListGroupsForUser", { UserName });
      assert.partialDeepStrictEqual(object(Groups)["Group"], [{ GroupId, GroupName, Comments: "all of us" }]);
      await root.refused("DeleteConflict.Group.User", "DeleteGroup", { GroupName });
      await root.refused("DeleteConflict.User.Group", "DeleteUser", { UserName });
      await root.call("RemoveUserFromGroup", { UserName, GroupName });
      const NewGroupName = uniqueName("renamed");
      const { Group: renamed } = await root.call("UpdateGroup", { GroupName, NewGroupName });
      assert.partialDeepStrictEqual(renamed, { GroupId, GroupName: NewGroupName, Comments: "all of us" });
      assert.partialDeepStrictEqual((await root.call("GetGroup", { GroupName: NewGroupName }))["Group"], { GroupId });
      assert.deepEqual(await root.call("DeleteGroup", { GroupName: NewGroupName }), {});
    },
  },
  {
    title:
      "gives a user AccessKeys, which sign at once, are refused at once when they are disabled, and are gone when deleted",
    async run(root) {
      const { userName: UserName, caller: user } = await createUser(root);
      const UserAccessKeyId = user.setup.accessKeyId;
      await root.refused("DeleteConflict.User.AccessKey", "DeleteUser", { UserName });
      const kms = user.through("kms20160120");
      assert.equal(await refusalOf(kms, "ListKeys", {}), "403 Forbidden.NoPermission");
      assert.equal(await refusalOf(user, "ListAccessKeys", {}), "403 NoPermission");
      const policy = { UserName, PolicyType: "System", PolicyName: "AliyunKMSReadOnlyAccess" };
      await root.call("AttachPolicyToUser", policy);
      await kms.call("ListKeys");
      assert.equal(await refusalOf(kms, "CreateKey", {}), "403 Forbidden.NoPermission");

      const { AccessKeyLastUsed } = await root.call("GetAccessKeyLastUsed", { UserName, UserAccessKeyId });
      assert.match(String(object(AccessKeyLastUsed)["LastUsedDate"]), INSTANT);
      const { AccessKeys } = await root.call("ListAccessKeys", { UserName });
      assert.partialDeepStrictEqual(object(AccessKeys)["AccessKey"], [
        { AccessKeyId: UserAccessKeyId, Status: "Active" },
      ]);

      const { AccessKey: second } = await root.call("CreateAccessKey", { UserName });
      await root.refused("LimitExceeded.User.AccessKey", "CreateAccessKey", { UserName });
      await root.call("UpdateAccessKey", { UserName, UserAccessKeyId, Status: "Inactive" });
      await kms.refused("InvalidAccessKeyId.Inactive", "ListKeys");
      await root.call("UpdateAccessKey", { UserName, UserAccessKeyId, Status: "Active" });
      await kms.call("ListKeys");
      await root.call("DeleteAccessKey", { UserName, UserAccessKeyId });
      await kms.refused("InvalidAccessKeyId.NotFound", "ListKeys");
      await root.refused("EntityNotExist.User.AccessKey", "DeleteAccessKey", { UserName, UserAccessKeyId });
      await root.call("DeleteAccessKey", { UserName, UserAccessKeyId: String(object(second)["AccessKeyId"]) });
      await root.call("DetachPolicyFromUser", policy);
      await root.call("DeleteUser", { UserName });
    },
  },
  {
    title: "lets a user log on by a password, which the user changes and which is nowhere to be read",
    async run(root) {
      const { userName: UserName, caller: user } = await createUser(root);
      await root.refused("EntityNotExist.User.LoginProfile", "GetLoginProfile", { UserName });
      await root.refused("InvalidParameter.Password.TooWeak", "CreateLoginProfile", { UserName, Password: "short" });
      const { LoginProfile } = await root.call("CreateLoginProfile", {
        UserName,
        Password: PASSWORD,
        PasswordResetRequired: true,
      });
      const { CreateDate, ...profile } = object(LoginProfile);
      assert.match(String(CreateDate), INSTANT);
      assert.deepEqual(profile, { UserName, PasswordResetRequired: true, MFABindRequired: false });
      await root.refused("EntityAlreadyExists.User.LoginProfile", "CreateLoginProfile", {
        UserName,
        Password: PASSWORD,
      });
      const next = `${PASSWORD}-and-another`;
      const change = { OldPassword: PASSWORD, NewPassword: next };
      await root.refused("NotSupport.Account", "ChangePassword", change);
      await user.refused("InvalidParameter.OldPassword.Incorrect", "ChangePassword", { ...change, OldPassword: next });
      await user.refused("InvalidParameter.NewPassword.TooWeak", "ChangePassword", { ...change, NewPassword: "short" });
      assert.deepEqual(await user.call("ChangePassword", change), {});
      await user.refused("InvalidParameter.OldPassword.Incorrect", "ChangePassword", change);
      const { LoginProfile: changed } = await root.call("GetLoginProfile", { UserName });
      assert.equal(object(changed)["PasswordResetRequired"], false);
      assert.deepEqual(await root.call("UpdateLoginProfile", { UserName, MFABindRequired: true }), {});
      assert.deepEqual(await root.call("DeleteLoginProfile", { UserName }), {});
    },
  },
  {
    title: "makes a virtual MFA device, binds it by its codes, unbinds it and deletes it",
    async run(root) {
      const UserName = uniqueName("owner");
      await root.call("CreateUser", { UserName });
      const VirtualMFADeviceName = uniqueName("phone");
      const { VirtualMFADevice: device } = await root.call("CreateVirtualMFADevice", { VirtualMFADeviceName });
      const { SerialNumber, Base32StringSeed, QRCodePNG } = device as Record<string, string>;
      assert.equal(SerialNumber, `acs:ram::${root.deployment.accountId}:mfa/${VirtualMFADeviceName}`);
      assert(Base32StringSeed !== undefined && QRCodePNG !== undefined);
      assert.equal(Buffer.from(QRCodePNG, "base64").toString("latin1", 1, 4), "PNG");
      await root.refused("EntityNotExist.User.MFADevice", "GetUserMFAInfo", { UserName });
      const now = Math.floor(Date.now() / 1000 / STEP_SECONDS);
      const codes = {
        AuthenticationCode1: code(Base32StringSeed, now - 1),
        AuthenticationCode2: code(Base32StringSeed, now),
      };
      const bind = { UserName, SerialNumber, ...codes };
      const notDigits = { ...bind, AuthenticationCode2: "12345x" };
      await root.refused("InvalidParameter.AuthenticationCode.Format", "BindMFADevice", notDigits);
      const twice = { ...bind, AuthenticationCode2: codes.AuthenticationCode1 };
      await root.refused("CheckAuthenticationCodeFail", "BindMFADevice", twice);
      assert.deepEqual(await root.call("BindMFADevice", bind), {});
      assert.deepEqual(await root.call("GetUserMFAInfo", { UserName }), { MFADevice: { SerialNumber, Type: "VMFA" } });
      const { VirtualMFADevices } = await root.call("ListVirtualMFADevices");
      const listed = objects(object(VirtualMFADevices)["VirtualMFADevice"]);
      const own = listed.find((listed) => listed["SerialNumber"] === SerialNumber);
      assert.partialDeepStrictEqual(own, { User: { UserName } });
      await root.refused("DeleteConflict.VirtualMFADevice.User", "DeleteVirtualMFADevice", { SerialNumber });
      assert.deepEqual(await root.call("UnbindMFADevice", { UserName }), { MFADevice: { SerialNumber } });
      assert.deepEqual(await root.call("DeleteVirtualMFADevice", { SerialNumber }), {});
      await root.refused("EntityNotExist.VirtualMFADevice", "DeleteVirtualMFADevice", { SerialNumber });
    },
  },
  {
    title: "keeps the account's alias, password policy and security preference",
    async run(root) {
      const AccountAlias = `company-${randomUUID().slice(0, 8)}`;
      assert.deepEqual(await root.call("SetAccountAlias", { AccountAlias }), {});
      assert.deepEqual(await root.call("GetAccountAlias"), { AccountAlias });
      assert.deepEqual(await root.call("ClearAccountAlias"), {});
      assert.deepEqual(await root.call("GetAccountAlias"), {});

      const policy = { MinimumPasswordLength: 12, RequireNumbers: true, MaxPasswordAge: 90 };
      const set = await root.call("SetPasswordPolicy", policy);
      assert.partialDeepStrictEqual(set, { PasswordPolicy: { ...policy, RequireSymbols: false, MaxLoginAttemps: 5 } });
      assert.deepEqual(await root.call("GetPasswordPolicy"), set);
      await root.refused("InvalidParameter.MinimumPasswordLength.Range", "SetPasswordPolicy", {
        MinimumPasswordLength: 7,
      });
      await root.call("SetPasswordPolicy");

      const preference = await root.call("SetSecurityPreference", {
        LoginNetworkMasks: "10.0.0.0/8;192.168.0.0/16",
        LoginSessionDuration: 8,
        AllowUserToManageAccessKeys: true,
      });
      assert.partialDeepStrictEqual(preference, {
        SecurityPreference: {
          LoginProfilePreference: { LoginNetworkMasks: "10.0.0.0/8;192.168.0.0/16", LoginSessionDuration: 8 },
          AccessKeyPreference: { AllowUserToManageAccessKeys: true },
        },
      });
      assert.deepEqual(await root.call("GetSecurityPreference"), preference);
      await root.call("SetSecurityPreference");
    },
  },
];

/** The code of a step as an app for second factors shows it (RFC 6238). */
function code(base32Seed: string, step: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = Array.from(base32Seed, (letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const seed = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeUInt32BE(step, 4);
  const mac = createHmac("sha1", seed).update(counter).digest();
  const at = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
