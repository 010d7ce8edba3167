import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { DeclaredOperation } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { Isolation, type IsolatedArea } from "./support/isolation.ts";
import { type AccountCaller, TwoAccounts, type Wire } from "./support/two-accounts.ts";

/** One name stands for a user, a group, a role, a policy and an MFA device of the account. */
type Things = Readonly<Record<"accountId" | "name" | "userAccessKeyId" | "userId" | "roleId", string>>;

const RAM = "2015-05-01";
const PASSWORD = "Correct-horse-7";
const arn = ({ accountId }: Things, relative: string): string => `acs:ram::${accountId}:${relative}`;
const custom = ({ name }: Things): Wire => ({ PolicyType: "Custom", PolicyName: name });
const byName =
  (parameter: string, ...creating: readonly string[]) =>
  ({ name }: Things, operation: string): Wire => ({
    [parameter]: creating.includes(operation) ? `${name}-new` : name,
  });
const before = (action: string, wire: (own: Things) => Wire) => (caller: AccountCaller, own: Things) =>
  caller.call(action, wire(own), RAM);

const trustOf = (accountId: string): string =>
  JSON.stringify({
    Version: "1",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: [`acs:ram::${accountId}:root`] } }],
  });
const POLICY = JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "kms:*", Resource: "*" }] });

const area: IsolatedArea<Things> = {
  name: "identity",
  forms: [
    ({ name }) => name,
    (things) => arn(things, `role/${things.name}`),
    (things) => arn(things, `mfa/${things.name}`),
    ({ userAccessKeyId }) => userAccessKeyId,
    ({ name }) => JSON.stringify([name]),
  ],
  good: {
    UserName: byName("UserName", "CreateUser"),
    GroupName: byName("GroupName", "CreateGroup"),
    RoleName: byName("RoleName", "CreateRole"),
    PolicyName: byName("PolicyName", "CreatePolicy"),
    PolicyType: () => ({ PolicyType: "Custom" }),
    PolicyDocument: () => ({ PolicyDocument: POLICY }),
    AssumeRolePolicyDocument: ({ accountId }) => ({ AssumeRolePolicyDocument: trustOf(accountId) }),
    NewDescription: () => ({ NewDescription: "text" }),
    VersionId: () => ({ VersionId: "v2" }),
    CascadingDelete: () => ({ CascadingDelete: "true" }),
    ResourceType: () => ({ ResourceType: "role" }),
    ResourceNames: ({ name }) => ({ ResourceNames: JSON.stringify([name]) }),
    Tag: () => ({ Tag: '[{"Key":"k","Value":"v"}]' }),
    TagKeys: () => ({ TagKeys: '["k"]' }),
    UserAccessKeyId: ({ userAccessKeyId }) => ({ UserAccessKeyId: userAccessKeyId }),
    Status: () => ({ Status: "Inactive" }),
    Password: () => ({ Password: PASSWORD }),
    OldPassword: () => ({ OldPassword: PASSWORD }),
    NewPassword: () => ({ NewPassword: `${PASSWORD}-new` }),
    VirtualMFADeviceName: byName("VirtualMFADeviceName", "CreateVirtualMFADevice"),
    SerialNumber: (own) => ({ SerialNumber: arn(own, `mfa/${own.name}`) }),
    AuthenticationCode1: () => ({ AuthenticationCode1: "000000" }),
    AuthenticationCode2: () => ({ AuthenticationCode2: "000000" }),
    AccountAlias: ({ name }) => ({ AccountAlias: name }),
    RoleArn: (own) => ({ RoleArn: arn(own, `role/${own.name}`) }),
    RoleSessionName: () => ({ RoleSessionName: "session" }),
    OIDCProviderArn: (own) => ({ OIDCProviderArn: arn(own, `oidc-provider/${own.name}`) }),
    OIDCToken: () => ({ OIDCToken: "token" }),
    SAMLProviderArn: (own) => ({ SAMLProviderArn: arn(own, `saml-provider/${own.name}`) }),
    AuthPrincipal: () => ({ AuthPrincipal: "root" }),
    AuthAction: (_own, operation) => ({
      [operation === "ListPrincipalsForAction" ? "AuthAction.1" : "AuthAction"]: "ram:GetRole",
    }),
    AuthResource: (own, operation) => ({
      // Which is about keys alone.
      AuthResource: operation === "ListPrincipalsWithBothRights" ? "*" : arn(own, `role/${own.name}`),
    }),
    SeparationOfDuties: () => ({ SeparationOfDuties: "off" }),
    EncodedDiagnosticMessage: () => ({ EncodedDiagnosticMessage: "message" }),
    SAMLAssertion: () => ({ SAMLAssertion: "assertion" }),
  },
  needed: {
    DeletePolicy: ["CascadingDelete"],
    UntagResources: ["TagKeys"],
    CreateAccessKey: ["UserName"],
    ListAccessKeys: ["UserName"],
    UpdateAccessKey: ["UserName"],
    DeleteAccessKey: ["UserName"],
    GetAccessKeyLastUsed: ["UserName"],
    TryPolicy: ["UserName"],
  },
  before: {
    RemoveUserFromGroup: before("AddUserToGroup", ({ name }) => ({ UserName: name, GroupName: name })),
    DeleteUser: before("DeleteAccessKey", ({ name, userAccessKeyId }) => ({
      UserName: name,
      UserAccessKeyId: userAccessKeyId,
    })),
    DetachPolicyFromUser: before("AttachPolicyToUser", (own) => ({ UserName: own.name, ...custom(own) })),
    DetachPolicyFromGroup: before("AttachPolicyToGroup", (own) => ({ GroupName: own.name, ...custom(own) })),
    DetachPolicyFromRole: before("AttachPolicyToRole", (own) => ({ RoleName: own.name, ...custom(own) })),
    GetLoginProfile: before("CreateLoginProfile", ({ name }) => ({ UserName: name, Password: PASSWORD })),
    UpdateLoginProfile: before("CreateLoginProfile", ({ name }) => ({ UserName: name, Password: PASSWORD })),
    DeleteLoginProfile: before("CreateLoginProfile", ({ name }) => ({ UserName: name, Password: PASSWORD })),
    DeleteVirtualMFADevice: before("CreateVirtualMFADevice", ({ name }) => ({ VirtualMFADeviceName: name })),
  },
  always: {
    // Nobody was refused anything before.
    DecodeDiagnosticMessage: "EntityNotExist",
    // Of users only.
    ChangePassword: "NotSupport.Account",
    AssumeRole: "NoPermission",
    // Sent without a signature.
    AssumeRoleWithOIDC: "UnsupportedOperation",
    AssumeRoleWithSAML: "UnsupportedOperation",
    // Nobody has a second factor here.
    BindMFADevice: "EntityNotExist.VirtualMFADevice",
    UnbindMFADevice: "EntityNotExist.User.MFADevice",
    GetUserMFAInfo: "EntityNotExist.User.MFADevice",
  },
  make: (caller, operation) => makeThings(caller, operation),
  async makeForeign(caller, operation) {
    const text = randomBytes(9).toString("hex");
    const things = await makeThings(caller, operation, text);
    const { name, userAccessKeyId, userId, roleId } = things;
    return { things, marks: [name, userAccessKeyId, userId, roleId, text] };
  },
  // An account has at most 50 groups.
  async discard(caller, { name }, { parameters }) {
    if (!("GroupName" in parameters)) return;
    for (const GroupName of [name, `${name}-new`]) {
      await caller.attempt("RemoveUserFromGroup", { GroupName, UserName: name }, RAM);
      const policy = { PolicyType: "Custom", PolicyName: name };
      await caller.attempt("DetachPolicyFromGroup", { GroupName, ...policy }, RAM);
      await caller.attempt("DeleteGroup", { GroupName }, RAM);
    }
  },
  likeness: (_things, accountId) => ({
    accountId,
    name: randomName(),
    // Nobody was issued one of these.
    userAccessKeyId: `LTAI5t${randomBytes(9).toString("hex")}`,
    userId: `2${digits(17)}`,
    roleId: `3${digits(17)}`,
  }),
  async look(caller, { name }) {
    const looks: readonly (readonly [action: string, wire: Wire])[] = [
      ["GetUser", { UserName: name }],
      ["ListAccessKeys", { UserName: name }],
      ["GetGroup", { GroupName: name }],
      ["ListUsersForGroup", { GroupName: name }],
      ["GetRole", { RoleName: name }],
      ["ListPolicyVersions", { PolicyName: name, PolicyType: "Custom" }],
      ["ListEntitiesForPolicy", { PolicyName: name, PolicyType: "Custom" }],
      ["ListTagResources", { ResourceType: "role", ResourceNames: JSON.stringify([name]) }],
    ];
    return Promise.all(
      looks.map(async ([action, wire]) => {
        const { body, requestId } = await caller.attempt(action, wire, RAM);
        return String(body).replaceAll(requestId, "<request>");
      }),
    );
  },
};

forEachDatabase((database) => {
  test("to every operation of RAM and STS, what belongs to another account looks like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    await new Isolation(world, area).run();
  });
});

/** @param text - stands in all that can be described. */
async function makeThings(caller: AccountCaller, operation: DeclaredOperation, text = "text"): Promise<Things> {
  const names = Object.keys(operation.parameters);
  const isAbout = (...parameters: readonly string[]) => parameters.some((parameter) => names.includes(parameter));
  const { accountId } = caller;
  const name = randomName();
  const things = {
    ...area.likeness({ accountId, name, userAccessKeyId: "", userId: "", roleId: "" }, accountId),
    name,
  };
  if (isAbout("UserName", "UserAccessKeyId")) {
    const user = { UserName: name, Comments: text };
    things.userId = (await caller.call<{ User: { UserId: string } }>("CreateUser", user, RAM)).User.UserId;
    const made = await caller.call<{ AccessKey: { AccessKeyId: string } }>("CreateAccessKey", { UserName: name }, RAM);
    things.userAccessKeyId = made.AccessKey.AccessKeyId;
  }
  if (isAbout("GroupName")) await caller.call("CreateGroup", { GroupName: name, Comments: text }, RAM);
  if (isAbout("RoleName", "RoleArn", "ResourceNames", "AuthResource")) {
    const role = { RoleName: name, AssumeRolePolicyDocument: trustOf(accountId), Description: text };
    things.roleId = (await caller.call<{ Role: { RoleId: string } }>("CreateRole", role, RAM)).Role.RoleId;
  }
  if (isAbout("PolicyName")) {
    await caller.call("CreatePolicy", { PolicyName: name, PolicyDocument: POLICY, Description: text }, RAM);
    await caller.call("CreatePolicyVersion", { PolicyName: name, PolicyDocument: POLICY }, RAM);
  }
  return things;
}

function randomName(): string {
  return `n${randomBytes(8).toString("hex")}`;
}

function digits(count: number): string {
  return Array.from(randomBytes(count), (byte) => String(byte % 10)).join("");
}
