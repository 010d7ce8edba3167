import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { Body, CallParameters } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const policyOf = (effect: "Allow" | "Deny", action: string): string =>
  JSON.stringify({ Version: "1", Statement: [{ Effect: effect, Action: action, Resource: "*" }] });
const trustOf = (accountId: string): string =>
  JSON.stringify({
    Version: "1",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: [`acs:ram::${accountId}:root`] } }],
  });
const custom = (PolicyName: string) => ({ PolicyType: "Custom", PolicyName });
const system = (PolicyName: string) => ({ PolicyType: "System", PolicyName });
/** A name that no other run uses. */
const newName = (): string => `run-${randomUUID()}`;

/** Calls RAM with its own client, as the same caller. */
export function ramOf(root: Caller): Caller {
  return root.through("ram20150501");
}

/** A new user with an AccessKey: it calls with the client of `root`. */
export async function newUser(root: Caller): Promise<{ readonly name: string; readonly user: Caller }> {
  const name = newName();
  const ram = ramOf(root);
  await ram.call("CreateUser", { UserName: name });
  const { AccessKey } = await ram.call("CreateAccessKey", { UserName: name });
  const made = AccessKey as { readonly AccessKeyId: string; readonly AccessKeySecret: string };
  return { name, user: root.with({ accessKeyId: made.AccessKeyId, accessKeySecret: made.AccessKeySecret }) };
}

const listed = (body: Body, outer: string, inner: string): readonly Body[] =>
  (body[outer] as Readonly<Record<string, readonly Body[]>>)[inner] ?? [];

export const policyScenarios: readonly Scenario[] = [
  {
    title: "lets a user with AliyunKMSCryptoUserAccess encrypt and not make keys, until the policy is detached",
    async run(root) {
      const ram = ramOf(root);
      const { name, user } = await newUser(root);
      const keyId = await root.createKey();
      const encrypt: [string, CallParameters] = ["Encrypt", { KeyId: keyId, Plaintext: "a user's own text" }];
      await user.refused("Forbidden.NoPermission", ...encrypt);

      const attachment = { UserName: name, ...system("AliyunKMSCryptoUserAccess") };
      await ram.call("AttachPolicyToUser", attachment);
      const { CiphertextBlob } = await user.call(...encrypt);
      const { Plaintext } = await user.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
      assert.equal(Plaintext, "a user's own text");
      await user.refused("Forbidden.NoPermission", "CreateKey", {});
      await user.refused("Forbidden.NoPermission", "DisableKey", { KeyId: keyId });
      await user.refused("Forbidden.NoPermission", "DescribeKey", { KeyId: keyId });

      const { body: refusal } = await user.attempt("CreateKey");
      const { EncodedDiagnosticMessage } = refusal["AccessDeniedDetail"] as Body;
      const message = { EncodedDiagnosticMessage: String(EncodedDiagnosticMessage) };
      const { DecodedDiagnosticMessage } = await ram.call("DecodeDiagnosticMessage", message);
      const { AuthAction, ExplicitDeny } = DecodedDiagnosticMessage as Body;
      assert.deepEqual([AuthAction, ExplicitDeny], ["kms:CreateKey", false]);

      await ram.refused("EntityAlreadyExists.User.Policy", "AttachPolicyToUser", attachment);
      await ram.call("DetachPolicyFromUser", attachment);
      await user.refused("Forbidden.NoPermission", ...encrypt);
      await ram.refused("EntityNotExist.User.Policy", "DetachPolicyFromUser", attachment);
    },
  },
  {
    title: "follows the default version of a custom policy, attached to a group",
    async run(root) {
      const ram = ramOf(root);
      const { name, user } = await newUser(root);
      const [group, policy] = [newName(), newName()];
      const keyId = await root.createKey();
      const encrypt: [string, CallParameters] = ["Encrypt", { KeyId: keyId, Plaintext: "a member's own text" }];
      await ram.call("CreateGroup", { GroupName: group });
      await ram.call("AddUserToGroup", { UserName: name, GroupName: group });
      const created = await ram.call("CreatePolicy", {
        PolicyName: policy,
        PolicyDocument: policyOf("Allow", "kms:Encrypt"),
        Description: "for conformance",
      });
      assert.equal((created["Policy"] as Body)["DefaultVersion"], "v1");
      await ram.call("AttachPolicyToGroup", { GroupName: group, ...custom(policy) });
      await user.call(...encrypt);

      const next = { PolicyName: policy, PolicyDocument: policyOf("Deny", "kms:*"), SetAsDefault: true };
      await ram.call("CreatePolicyVersion", next);
      await user.refused("Forbidden.NoPermission", ...encrypt);
      await ram.call("SetDefaultPolicyVersion", { PolicyName: policy, VersionId: "v1" });
      await user.call(...encrypt);
      await ram.refused("DeleteConflict.Policy.Version.Default", "DeletePolicyVersion", {
        PolicyName: policy,
        VersionId: "v1",
      });
      const versions = listed(await ram.call("ListPolicyVersions", custom(policy)), "PolicyVersions", "PolicyVersion");
      assert.deepEqual(
        versions.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion]),
        [
          ["v1", true],
          ["v2", false],
        ],
      );
      const { PolicyVersion } = await ram.call("GetPolicyVersion", { ...custom(policy), VersionId: "v2" });
      assert.equal((PolicyVersion as Body)["PolicyDocument"], policyOf("Deny", "kms:*"));

      await ram.refused("DeleteConflict.Policy.Group", "DeletePolicy", { PolicyName: policy });
      const { Policy } = await ram.call("GetPolicy", custom(policy));
      assert.equal((Policy as Body)["AttachmentCount"], 1);
      const entities = await ram.call("ListEntitiesForPolicy", custom(policy));
      assert.deepEqual(
        listed(entities, "Groups", "Group").map(({ GroupName }) => GroupName),
        [group],
      );
      const attached = await ram.call("ListPoliciesForGroup", { GroupName: group });
      assert.deepEqual(
        listed(attached, "Policies", "Policy").map(({ PolicyName }) => PolicyName),
        [policy],
      );
      await ram.call("DetachPolicyFromGroup", { GroupName: group, ...custom(policy) });
      await user.refused("Forbidden.NoPermission", ...encrypt);
      await ram.refused("DeleteConflict.Policy.Version", "DeletePolicy", { PolicyName: policy });
      await ram.call("DeletePolicyVersion", { PolicyName: policy, VersionId: "v2" });
      await ram.call("UpdatePolicyDescription", { PolicyName: policy, NewDescription: "another" });
      await ram.call("DeletePolicy", { PolicyName: policy });
      await ram.refused("EntityNotExist.Policy", "GetPolicy", custom(policy));
    },
  },
  {
    title: "makes, changes, lists, tags and deletes roles",
    async run(root) {
      const ram = ramOf(root);
      const { accountId } = root.deployment;
      const role = newName();
      const trust = trustOf(accountId);
      const { Role: made } = await ram.call("CreateRole", {
        RoleName: role,
        AssumeRolePolicyDocument: trust,
        Description: "for conformance",
        MaxSessionDuration: 7200,
      });
      assert.equal((made as Body)["Arn"], `acs:ram::${accountId}:role/${role}`);
      await ram.refused("EntityAlreadyExists.Role", "CreateRole", { RoleName: role, AssumeRolePolicyDocument: trust });
      await ram.call("UpdateRole", { RoleName: role, NewMaxSessionDuration: 3600 });
      const { Role: got } = await ram.call("GetRole", { RoleName: role });
      const { MaxSessionDuration, AssumeRolePolicyDocument } = got as Body;
      assert.deepEqual([MaxSessionDuration, AssumeRolePolicyDocument], [3600, trust]);

      const attachment = { RoleName: role, ...system("AliyunKMSReadOnlyAccess") };
      await ram.call("AttachPolicyToRole", attachment);
      await ram.refused("DeleteConflict.Role.Policy", "DeleteRole", { RoleName: role });
      const attached = await ram.call("ListPoliciesForRole", { RoleName: role });
      assert.deepEqual(
        listed(attached, "Policies", "Policy").map(({ PolicyName }) => PolicyName),
        ["AliyunKMSReadOnlyAccess"],
      );
      await ram.call("DetachPolicyFromRole", attachment);

      const named = { ResourceType: "role", ResourceNames: [role] };
      await ram.call("TagResources", { ...named, Tag: [{ Key: "run", Value: role }] });
      const { TagResources } = await ram.call("ListTagResources", named);
      assert.deepEqual(TagResources, [{ ResourceName: role, ResourceType: "role", TagKey: "run", TagValue: role }]);
      const roles = await ram.call("ListRoles", { Tag: [{ Key: "run", Value: role }], MaxItems: 1 });
      assert.deepEqual(
        listed(roles, "Roles", "Role").map(({ RoleName }) => RoleName),
        [role],
      );
      assert.equal(roles["IsTruncated"], false);
      await ram.call("UntagResources", { ...named, TagKeys: ["run"] });
      assert.deepEqual((await ram.call("ListTagResources", named))["TagResources"], []);

      await ram.call("DeleteRole", { RoleName: role });
      await ram.refused("EntityNotExist.Role", "GetRole", { RoleName: role });
    },
  },
  {
    title: "has the system policies, page by page, and refuses a malformed policy with its place",
    async run(root) {
      const ram = ramOf(root);
      const names: unknown[] = [];
      let marker: CallParameters = {};
      for (;;) {
        const page = await ram.call("ListPolicies", { PolicyType: "System", MaxItems: 5, ...marker });
        names.push(...listed(page, "Policies", "Policy").map(({ PolicyName }) => PolicyName));
        if (page["IsTruncated"] !== true) break;
        marker = { Marker: String(page["Marker"]) };
      }
      for (const name of ["AdministratorAccess", "AliyunKMSFullAccess", "AliyunKMSCryptoUserAccess"]) {
        assert(names.includes(name), name);
      }
      const document = JSON.stringify({ Version: "1", Statement: [{ Effect: "Maybe", Action: "*", Resource: "*" }] });
      const said = await ram.refused("MalformedPolicyDocument", "CreatePolicy", {
        PolicyName: newName(),
        PolicyDocument: document,
      });
      assert.match(said, /\$\.Statement\[0\]\.Effect/);
      await ram.refused("InvalidParameter.PolicyName.InvalidChars", "CreatePolicy", {
        PolicyName: "not a name",
        PolicyDocument: policyOf("Allow", "kms:*"),
      });
    },
  },
];
