import type { AccountId, AssumedRole, RolePrincipal } from "@cinnabar/kernel";
import { compilePolicy, parsePolicy, PolicySet } from "@cinnabar/policy";
import { SigningSecret } from "@cinnabar/rpc";
import { oidcProviderArn } from "../oidc/provider.ts";
import { ramArn } from "../resource-name.ts";
import { type SessionKeys, sessionSecret } from "./session-keys.ts";
import type { SessionClaims } from "./security-token.ts";

/** A session of a role, its token open. */
export interface Session {
  readonly claims: SessionClaims;
  readonly principal: RolePrincipal;
  readonly secret: SigningSecret;
  /** What it depends on: all of these accounts, and the roles as they were. */
  readonly accountIds: readonly AccountId[];
  readonly roles: readonly AssumedRole[];
}

/** What a token that was opened says, ready for calls. */
export function toSession(claims: SessionClaims, keys: SessionKeys): Session {
  const { accountId, accessKeyId, roleId, roleName, sessionName, mfaPresent, startedAt, provider, service } = claims;
  const { sourceAccountId, earlierRoles, roleRevision: revision, expiresAt } = claims;
  const roles = [...earlierRoles, { accountId, roleId, revision }];
  const secret = sessionSecret(keys, accessKeyId);
  try {
    return {
      claims,
      accountIds: [...new Set([sourceAccountId, ...roles.map((role) => role.accountId)])],
      roles,
      secret: new SigningSecret(secret),
      principal: {
        type: "assumed-role",
        accountId,
        accessKeyId,
        arn: sessionArn(claims),
        roleId,
        roleName,
        sessionName,
        sessionPolicy: compileSessionPolicy(claims),
        mfaPresent,
        startedAt,
        federatedBy: provider && oidcProviderArn(sourceAccountId, provider.name),
        lineage: { sourceAccountId, provider, roles, expiresAt, service },
      },
    };
  } finally {
    secret.fill(0);
  }
}

/** A session's name: `acs:ram::<uid>:role/<role>/<session>`. */
export function sessionArn({
  accountId,
  roleName,
  sessionName,
}: Pick<SessionClaims, "accountId" | "roleName" | "sessionName">): string {
  return `${ramArn(accountId, "role", roleName)}/${sessionName}`;
}

/**
 * The session's policy, which goes by the session's name.
 *
 * @throws PolicyError if it is not well-formed, which AssumeRole has made sure of.
 */
function compileSessionPolicy({
  policy,
  sessionName: name,
}: Pick<SessionClaims, "policy" | "sessionName">): PolicySet | undefined {
  if (policy === undefined) return undefined;
  return new PolicySet([compilePolicy(parsePolicy(policy, "session"), { type: "Session", name })]);
}
