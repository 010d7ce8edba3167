import type { AccessRequest, RequestContext } from "@cinnabar/kernel";

/** The kinds of resources of an account that have a name, as they stand in ARNs. */
export type RamResourceType = "user" | "group" | "role" | "policy" | "mfa";

/** A resource's own name, such as `acs:ram::1234567890123456:user/alice`: principals and answers carry it. */
export function ramArn(accountId: string, type: RamResourceType, name: string): string {
  return `acs:ram::${accountId}:${type}/${name}`;
}

/** The name of a service that has an account of its own. */
export function serviceArn(accountId: string, service: string): string {
  return `acs:ram::${accountId}:service/${service}`;
}

/** The right to do `action` to one user, group, role, policy or MFA device of the caller's account, whether it exists or not. */
export function onNamed(
  context: RequestContext,
  action: string,
  resource: { readonly type: RamResourceType; readonly name: string },
): AccessRequest {
  return onRelative(context, action, `${resource.type}/${resource.name}`);
}

/** The right to do `action` to all users, groups, roles, policies or MFA devices of the caller's account. */
export function onAll(context: RequestContext, action: string, type: RamResourceType): AccessRequest {
  return onRelative(context, action, `${type}/*`);
}

/** The right to do `action` to what the caller's account has once, such as its alias or its password policy. */
export function onAccount(context: RequestContext, action: string): AccessRequest {
  return onRelative(context, action, "*");
}

/** RAM knows no regions: there is nothing, so that a policy's resource may have nothing there, or `*`. */
function onRelative({ principal }: RequestContext, action: string, relativeId: string): AccessRequest {
  const { accountId } = principal;
  return { action, resource: `acs:ram::${accountId}:${relativeId}`, accountId, hiddenAs: "NoPermission" };
}
