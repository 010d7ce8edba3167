import type { PolicyPrincipal, PolicySet } from "@cinnabar/policy";
import type { EventObject, UserIdentity } from "../audit/event.ts";
import type { AccountId, RoleId } from "../platform/ids.ts";

/** What every caller has. */
interface Caller {
  /** The account that it belongs to. */
  readonly accountId: string;
  readonly accessKeyId: string;
  /** `acs:ram::<uid>:root`, `…:user/<name>`, `…:role/<role>/<session>`, `…:service/<code>`; of applications and others see there. */
  readonly arn: string;
}

/** The account itself. */
export interface RootPrincipal extends Caller {
  readonly type: "root-account";
}

export interface UserPrincipal extends Caller {
  readonly type: "ram-user";
  /** 18 digits. */
  readonly userId: string;
  readonly userName: string;
}

/** A session of a role. */
export interface RolePrincipal extends Caller {
  readonly type: "assumed-role";
  /** 18 digits. */
  readonly roleId: string;
  readonly roleName: string;
  readonly sessionName: string;
  /** Narrows what the role may do; left out, nothing does. */
  readonly sessionPolicy: PolicySet | undefined;
  /** Whether whoever assumed the role had shown a second factor. */
  readonly mfaPresent: boolean;
  /** When the session began, in store milliseconds since 1970. */
  readonly startedAt: number;
  /** The ARN of the provider that vouched for whoever came first. */
  readonly federatedBy?: string | undefined;
  /** Set for whoever calls with a session; left out where it is only asked what one could do. */
  readonly lineage?: SessionLineage | undefined;
}

/** Where a session comes from: it ends with each of these, and so does every session that is begun from it. */
export interface SessionLineage {
  /** The account of whoever came first: a user, a service, or somebody whom a provider of that account vouched for. */
  readonly sourceAccountId: AccountId;
  readonly provider: { readonly id: string; readonly name: string } | undefined;
  /** The roles that were assumed, one after the other; the session's own is the last one. */
  readonly roles: readonly AssumedRole[];
  /** In store milliseconds since 1970. */
  readonly expiresAt: number;
  /** Set if a service came first. */
  readonly service?: SessionService | undefined;
}

/** The service that a session, and every one that is begun from it, works for. */
export interface SessionService {
  /** Without a domain: `oss`. */
  readonly name: string;
  /** The resource that it said it assumed the role for. */
  readonly sourceArn: string | undefined;
}

/** A role as it was when it was assumed. */
export interface AssumedRole {
  readonly accountId: AccountId;
  readonly roleId: RoleId;
  /** The sessions of a role end when it has another one. */
  readonly revision: number;
}

/** A service of this deployment, such as `oss`. */
export interface ServicePrincipal extends Caller {
  readonly type: "service";
  /** Without a domain: `oss`. */
  readonly serviceName: string;
}

/** An application that calls with a client key, through an access point of the account. */
export interface ApplicationPrincipal extends Caller {
  readonly type: "application";
  /** That of the access point: `acs:kms:<region>:<uid>:applicationaccesspoint/<name>`. */
  readonly arn: string;
  /** That of the access point. */
  readonly name: string;
  /** All that it may do: what the access point's policies say. */
  readonly policies: PolicySet;
}

/** Somebody whom a provider of the account vouches for. Has no AccessKey: what an operation is called with proves it. */
export interface FederatedPrincipal extends Caller {
  readonly type: "federated-user";
  /** That of the provider. */
  readonly arn: string;
  /** Under what name the provider knows it. */
  readonly subject: string;
  readonly identity: FederatedIdentity;
}

/** What a provider says of somebody. */
export interface FederatedIdentity {
  /** That of the provider's registration: a new one under the same name has another. */
  readonly providerId: string;
  readonly providerName: string;
  readonly issuer: string;
  readonly audience: readonly string[];
  /** In milliseconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Who makes a call, once authenticated. */
export type Principal =
  | RootPrincipal
  | UserPrincipal
  | RolePrincipal
  | ServicePrincipal
  | ApplicationPrincipal
  | FederatedPrincipal;

/** What authentication found out about an AccessKey. */
export interface Credential {
  readonly principal: Principal;
  /** Whether the key may be used now, and if not, what to answer. */
  readonly refusedAs: "InvalidAccessKeyId.Inactive" | "InvalidSecurityToken.Expired" | undefined;
  /** From when on it may be used; left out, since ever. */
  readonly startsAt?: number | undefined;
  /** Until when it may be used, in store milliseconds since 1970; left out, for ever. */
  readonly expiresAt?: number | undefined;
}

/** The root of an account. */
export function rootPrincipal({ accountId, accessKeyId }: Pick<Caller, "accountId" | "accessKeyId">): RootPrincipal {
  return { type: "root-account", accountId, accessKeyId, arn: `acs:ram::${accountId}:root` };
}

/**
 * Whether a caller is a stranger to an account, who hears nothing of what the account has. Whoever a provider vouches for is
 * one to every account: the provider may be many accounts', and vouch for anybody.
 */
export function isStrangerTo({ type, accountId: own }: Principal, accountId: string): boolean {
  return type === "federated-user" || own !== accountId;
}

/** In whose name calls are counted where they are limited: strangers take nothing of an account's share. */
export function throttledAs(principal: Principal): string {
  return principal.type === "federated-user" ? `provider:${principal.identity.providerId}` : principal.accountId;
}

/** Whether a caller has shown a second factor. */
export function hasMfa(principal: Principal): boolean {
  return principal.type === "assumed-role" && principal.mfaPresent;
}

/** Whether a policy of its own narrows what a session may do. */
export function isNarrowed(principal: Principal): boolean {
  return principal.type === "assumed-role" && principal.sessionPolicy !== undefined;
}

/** A caller as policies see it. */
export function toPolicyPrincipal(principal: Principal): PolicyPrincipal {
  const { accountId, arn } = principal;
  switch (principal.type) {
    case "root-account":
      return { kind: "root", accountId, name: "root", arn };
    case "ram-user":
      return { kind: "user", accountId, name: principal.userName, arn };
    case "assumed-role":
      return { kind: "role", accountId, name: principal.roleName, session: principal.sessionName, arn };
    case "service":
      return { kind: "service", accountId, name: serviceDomain(principal), arn };
    case "application":
      return { kind: "application", accountId, name: principal.name, arn };
    case "federated-user":
      return { kind: "federated", accountId: "", name: arn, arn };
  }
}

/** A caller as its events show it (ActionTrail, "userIdentity"). */
export function userIdentity(principal: Principal): UserIdentity {
  const { accessKeyId, accountId, type } = principal;
  switch (type) {
    case "root-account":
      return { accessKeyId, accountId, principalId: accountId, type, userName: "root" };
    case "ram-user":
      return { accessKeyId, accountId, principalId: principal.userId, type, userName: principal.userName };
    case "assumed-role": {
      const { mfaPresent, roleId, roleName, sessionName, startedAt } = principal;
      const session = { startedAt, mfaPresent };
      const names = { principalId: `${roleId}:${sessionName}`, userName: `${roleName}:${sessionName}` };
      return { accessKeyId, accountId, ...names, type, session };
    }
    case "service": {
      const name = serviceDomain(principal);
      return { accessKeyId, accountId, principalId: name, type: "system", userName: name };
    }
    case "application":
      return { accessKeyId, accountId, principalId: principal.arn, type, userName: principal.name };
    case "federated-user":
      return { accountId, principalId: principal.arn, type, userName: principal.subject };
  }
}

/** What the events of a session say of the service that it works for. */
export function sessionServiceFacts(principal: Principal): EventObject | undefined {
  if (principal.type !== "assumed-role") return undefined;
  const service = principal.lineage?.service;
  if (service === undefined) return undefined;
  const { name: serviceName, sourceArn } = service;
  return { sourceService: serviceDomain({ serviceName }), ...(sourceArn !== undefined && { sourceArn }) };
}

/** The name that policies know a service by: `oss.aliyuncs.com`. */
function serviceDomain({ serviceName }: Pick<ServicePrincipal, "serviceName">): string {
  return `${serviceName}.aliyuncs.com`;
}
