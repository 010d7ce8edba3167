import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { Scenario } from "./scenario.ts";

const RAM = "ram20150501";
const STS = "sts20150401";

type Fields = Readonly<Record<string, string>>;

/** A user who may assume a role, and the role, which may do everything with keys. */
export async function makeRole(root: Caller): Promise<{ readonly user: Caller; readonly roleArn: string }> {
  const ram = root.through(RAM);
  const name = `sts-${randomUUID()}`;
  await ram.call("CreateUser", { UserName: name });
  await ram.call("AttachPolicyToUser", {
    UserName: name,
    PolicyType: "System",
    PolicyName: "AliyunSTSAssumeRoleAccess",
  });
  const { AccessKey } = await ram.call("CreateAccessKey", { UserName: name });
  const { AccessKeyId: accessKeyId = "", AccessKeySecret: accessKeySecret = "" } = AccessKey as Fields;
  const trust = {
    Version: "1",
    Statement: [
      {
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { RAM: [`acs:ram::${root.deployment.accountId}:user/${name}`] },
      },
    ],
  };
  const { Role } = await ram.call("CreateRole", { RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) });
  await ram.call("AttachPolicyToRole", { RoleName: name, PolicyType: "System", PolicyName: "AliyunKMSFullAccess" });
  const user = root.through(STS).with({ accessKeyId, accessKeySecret });
  return { user, roleArn: (Role as Fields)["Arn"] ?? "" };
}

/** Begins a session with the client of STS, and gives whoever has it, with the client of `root`. */
async function begin(root: Caller, user: Caller, parameters: Fields): Promise<Caller> {
  const { Credentials } = await user.call("AssumeRole", { RoleSessionName: "conformance", ...parameters });
  const { AccessKeyId: accessKeyId = "", AccessKeySecret: accessKeySecret = "", SecurityToken } = Credentials as Fields;
  return root.with({ accessKeyId, accessKeySecret, securityToken: SecurityToken ?? "" });
}

export const stsScenarios: readonly Scenario[] = [
  {
    title: "serves a session that the client of STS has begun, as what its role may do",
    async run(root) {
      const { user, roleArn } = await makeRole(root);
      const session = await begin(root, user, { RoleArn: roleArn });
      const keyId = await session.createKey();
      const { CiphertextBlob } = await session.call("Encrypt", { KeyId: keyId, Plaintext: "from a session" });
      const { Plaintext } = await session.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
      assert.equal(Plaintext, "from a session");
      const identity = await session.through(STS).call("GetCallerIdentity");
      assert.equal(identity["IdentityType"], "AssumedRoleUser");
      assert.match(String(identity["Arn"]), /:assumed-role\/sts-[0-9a-f-]+\/conformance$/);
    },
  },
  {
    title: "tells users and roots who they are by the client of STS",
    async run(root) {
      const { user } = await makeRole(root);
      assert.equal((await user.call("GetCallerIdentity"))["IdentityType"], "RAMUser");
      const { accountId } = root.deployment;
      assert.deepEqual(await root.through(STS).call("GetCallerIdentity"), {
        AccountId: accountId,
        Arn: `acs:ram::${accountId}:root`,
        IdentityType: "Account",
        PrincipalId: accountId,
        UserId: accountId,
      });
    },
  },
  {
    title: "refuses a session without its token, with another one, and once its role is changed",
    async run(root) {
      const { user, roleArn } = await makeRole(root);
      const session = await begin(root, user, { RoleArn: roleArn });
      const another = await begin(root, user, { RoleArn: roleArn });
      const { accessKeyId, accessKeySecret } = session.setup;
      await root.with({ accessKeyId, accessKeySecret }).refused("MissingSecurityToken", "ListKeys");
      const { securityToken = "" } = another.setup;
      await session.with({ securityToken }).refused("InvalidSecurityToken.MismatchWithAccessKey", "ListKeys");
      await session.call("ListKeys");
      const RoleName = roleArn.slice(roleArn.indexOf("/") + 1);
      await root.through(RAM).call("UpdateRole", { RoleName, NewDescription: "changed" });
      await session.refused("InvalidSecurityToken.Expired", "ListKeys");
    },
  },
  {
    title: "tells the client of STS what is wrong with a session that it asks for",
    async run(root) {
      const { user, roleArn } = await makeRole(root);
      const good = { RoleArn: roleArn, RoleSessionName: "conformance" };
      await user.refused("InvalidParameter.RoleArn", "AssumeRole", { ...good, RoleArn: "role" });
      await user.refused("InvalidParameter.RoleSessionName", "AssumeRole", { ...good, RoleSessionName: "a b" });
      await user.refused("InvalidParameter.DurationSeconds", "AssumeRole", { ...good, DurationSeconds: 60 });
      await user.refused("InvalidParameter.PolicyGrammar", "AssumeRole", { ...good, Policy: "{" });
      await user.refused("InvalidParameter.PolicySize", "AssumeRole", { ...good, Policy: " ".repeat(2049) });
      await user.refused("EntityNotExist.Role", "AssumeRole", { ...good, RoleArn: `${roleArn}-not` });
    },
  },
];
