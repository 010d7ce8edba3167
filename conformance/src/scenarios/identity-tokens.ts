import assert from "node:assert/strict";
import { IdentityProvider } from "@cinnabar/testkit";
import type { Caller } from "../caller.ts";
import type { Scenario } from "./scenario.ts";
import { makeRole } from "./sts.ts";

type Fields = Readonly<Record<string, string>>;

const ROLE = "federated";

/** Registers a provider and makes a role that whoever holds its tokens may assume, which may do everything with keys. */
export async function makeFederatedRole(
  root: Caller,
  idp: IdentityProvider,
): Promise<{ readonly providerArn: string; readonly roleArn: string }> {
  const ram = root.through("ram20150501");
  const providerArn = await root.deployment.registerProvider(idp);
  const trust = {
    Version: "1",
    Statement: [
      {
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { Federated: [providerArn] },
        Condition: { StringEquals: { "oidc:iss": idp.issuer, "oidc:aud": idp.audience } },
      },
    ],
  };
  const { Role } = await ram.call("CreateRole", { RoleName: ROLE, AssumeRolePolicyDocument: JSON.stringify(trust) });
  await ram.call("AttachPolicyToRole", { RoleName: ROLE, PolicyType: "System", PolicyName: "AliyunKMSFullAccess" });
  return { providerArn, roleArn: (Role as Fields)["Arn"] ?? "" };
}

export const identityTokenScenarios: readonly Scenario[] = [
  {
    title: "begins a session by the client of STS for whoever holds a token of a registered provider",
    async run(root) {
      await using idp = await IdentityProvider.start();
      const { providerArn, roleArn } = await makeFederatedRole(root, idp);
      const OIDCToken = await idp.issueToken();
      const good = { OIDCProviderArn: providerArn, RoleArn: roleArn, RoleSessionName: "conformance", OIDCToken };
      const sts = root.through("sts20150401");
      const { Credentials, OIDCTokenInfo, AssumedRoleUser } = await sts.call("AssumeRoleWithOIDC", good);
      const { Issuer, ClientIds, VerificationInfo } = OIDCTokenInfo as Fields;
      assert.deepEqual([Issuer, ClientIds, VerificationInfo], [idp.issuer, idp.audience, "Success"]);
      assert.partialDeepStrictEqual(AssumedRoleUser, { Arn: `${roleArn}/conformance` });

      const { AccessKeyId = "", AccessKeySecret = "", SecurityToken = "" } = Credentials as Fields;
      const session = root.with({
        accessKeyId: AccessKeyId,
        accessKeySecret: AccessKeySecret,
        securityToken: SecurityToken,
      });
      await session.through("kms20160120").createKey();
      const identity = await session.through("sts20150401").call("GetCallerIdentity");
      const Arn = `acs:ram::${root.deployment.accountId}:assumed-role/${ROLE}/conformance`;
      assert.partialDeepStrictEqual(identity, { IdentityType: "AssumedRoleUser", Arn });

      const [header = "", payload = "", signature = ""] = OIDCToken.split(".");
      const altered = `${header}.${payload}.${signature.slice(4)}AAAA`;
      const INVALID = "AuthenticationFail.OIDCToken.Invalid";
      await sts.refused(INVALID, "AssumeRoleWithOIDC", { ...good, OIDCToken: altered });
      const unknown = { ...good, OIDCProviderArn: `${providerArn}-not` };
      await sts.refused("EntityNotExist.OIDCProvider", "AssumeRoleWithOIDC", unknown);
      const { roleArn: another } = await makeRole(root);
      await sts.refused("NoPermission", "AssumeRoleWithOIDC", { ...good, RoleArn: another });
    },
  },
];
