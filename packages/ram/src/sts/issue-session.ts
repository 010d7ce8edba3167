import {
  type AccountId,
  ApiError,
  type AssumedRole,
  deniedByRule,
  type DeploymentKeys,
  ERRORS,
  hasMfa,
  issueSessionKeyId,
  parseId,
  type Principal,
  proceed,
  type RequestContext,
  TamperedRowError,
} from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import { ramArn } from "../resource-name.ts";
import type { Role } from "../role/role-repository.ts";
import { CHAINED_DURATION_SECONDS, DEFAULT_DURATION_SECONDS } from "./parameters.ts";
import { MAX_EARLIER_ROLES, sealSecurityToken, type SessionClaims } from "./security-token.ts";
import { sessionArn } from "./session.ts";
import { type SessionKeys, sessionKeysOf, sessionSecret } from "./session-keys.ts";

/** The answer's fields that everything which begins a session has. */
export const sessionResult = {
  AssumedRoleUser: z.object({ Arn: z.string(), AssumedRoleId: z.string() }),
  Credentials: z.object({
    AccessKeyId: z.string(),
    AccessKeySecret: z.string(),
    SecurityToken: z.string(),
    Expiration: z.string(),
  }),
};

type SessionResult = z.infer<z.ZodObject<typeof sessionResult>>;

/** What a caller asks for in a session. */
export interface WantedSession {
  readonly role: Role;
  readonly sessionName: string;
  readonly durationSeconds: number | undefined;
  readonly policy: string | undefined;
  /** The resource that a service says it calls for. */
  readonly sourceArn?: string | undefined;
}

/** What a session ends with, beside its own role. */
interface Origin {
  readonly sourceAccountId: AccountId;
  readonly provider: SessionClaims["provider"];
  readonly service?: SessionClaims["service"];
  /** Those of {@link SessionClaims}, and maybe the role that is assumed. */
  readonly roles: readonly AssumedRole[];
  /** When the session that it is begun from ends, if it is begun from one. */
  readonly expiresAt?: number;
}

/**
 * Begins a session of a role: nothing is stored, all of it is in the token. The event says which AccessKey was given out. A
 * session that is begun from another one ends no later than that, and with all that ends it.
 *
 * @throws ApiError `InvalidParameter.DurationSeconds` if the role allows no session that long, or the caller has a session
 * and asks for more than an hour; `NoPermission` if too many roles were assumed one after the other.
 */
export function issueSession(
  context: RequestContext,
  { accessKeyTag }: Pick<DeploymentKeys, "accessKeyTag">,
  wanted: WantedSession,
): SessionResult | Promise<SessionResult> {
  const { role, sessionName, policy } = wanted;
  const { durationSeconds = DEFAULT_DURATION_SECONDS } = wanted;
  const {
    sourceAccountId,
    provider,
    service,
    roles,
    expiresAt: latest = Infinity,
  } = originOf(context.principal, wanted);
  const longest = latest === Infinity ? role.maxSessionSeconds : CHAINED_DURATION_SECONDS;
  if (durationSeconds > longest) throw tooLong(longest);
  const earlierRoles = roles.filter(({ roleId }) => roleId !== role.roleId);
  if (earlierRoles.length > MAX_EARLIER_ROLES) {
    const resource = ramArn(role.accountId, "role", role.roleName);
    throw deniedByRule(context, { product: "Sts", action: "sts:AssumeRole", resource }, TOO_MANY_ROLES);
  }
  const accountId = parseId("Account", role.accountId);
  return proceed(context.find(context.custody.accountKeys, accountId), (accountKeys) => {
    if (accountKeys === undefined) throw new TamperedRowError("account_key", "an account has no key");
    const { version: keyVersion, key } = accountKeys.current;
    // The answer gives whole seconds.
    const startedAt = Math.floor(context.now / 1000) * 1000;
    const claims: SessionClaims = {
      accountId,
      accessKeyId: issueSessionKeyId(accessKeyTag, { accountId, keyVersion }),
      roleId: role.roleId,
      roleName: role.roleName,
      roleRevision: role.revision,
      sessionName,
      startedAt,
      expiresAt: Math.min(startedAt + durationSeconds * 1000, latest),
      sourceAccountId,
      mfaPresent: hasMfa(context.principal),
      provider,
      service,
      earlierRoles,
      policy,
    };
    const Credentials = sealCredentials(claims, { keys: sessionKeysOf(key), keyVersion });
    const { AccessKeyId: issuedAccessKeyId, Expiration: expiration } = Credentials;
    const isOfAnother = accountId !== context.principal.accountId;
    context.note({
      roleId: role.roleId,
      roleRevision: role.revision,
      issuedAccessKeyId,
      expiration,
      // The event is in that account's trail as well.
      ...(isOfAnother && { roleAccountId: accountId }),
    });
    const AssumedRoleUser = { Arn: sessionArn(claims), AssumedRoleId: `${role.roleId}:${sessionName}` };
    return { AssumedRoleUser, Credentials };
  });
}

function sealCredentials(
  claims: SessionClaims,
  sealing: { readonly keys: SessionKeys; readonly keyVersion: number },
): SessionResult["Credentials"] {
  const secret = sessionSecret(sealing.keys, claims.accessKeyId);
  try {
    return {
      AccessKeyId: claims.accessKeyId,
      AccessKeySecret: secret.toString("latin1"),
      SecurityToken: sealSecurityToken(claims, sealing),
      Expiration: formatInstant(claims.expiresAt),
    };
  } finally {
    secret.fill(0);
  }
}

function originOf(principal: Principal, { sourceArn }: WantedSession): Origin {
  switch (principal.type) {
    case "assumed-role":
      if (principal.lineage === undefined) throw new RangeError("whoever calls with a session comes from somewhere");
      return principal.lineage;
    case "federated-user": {
      const { providerId: id, providerName: name } = principal.identity;
      return { sourceAccountId: parseId("Account", principal.accountId), provider: { id, name }, roles: [] };
    }
    case "root-account":
    case "ram-user":
    case "application":
      return { sourceAccountId: parseId("Account", principal.accountId), provider: undefined, roles: [] };
    case "service": {
      const service = { name: principal.serviceName, sourceArn };
      return { sourceAccountId: parseId("Account", principal.accountId), provider: undefined, service, roles: [] };
    }
  }
}

const TOO_MANY_ROLES = `You are not authorized to do this action. At most ${MAX_EARLIER_ROLES + 1} roles can be assumed one from the other.`;

function tooLong(seconds: number): ApiError {
  const code = "InvalidParameter.DurationSeconds";
  return new ApiError(code, `${ERRORS[code].message} Here a session lasts at most ${seconds} seconds.`);
}
