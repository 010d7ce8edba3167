import {
  type AccessRequest,
  invalidParameter,
  type Principal,
  proceed,
  required,
  type RequestContext,
  storableText,
} from "@cinnabar/kernel";
import type { PolicySet } from "@cinnabar/policy";
import { isChangingPassword, onOwnPassword } from "../login-profile/own-password.ts";
import { onNamed } from "../resource-name.ts";
import { loadRole } from "../role/load-role.ts";
import { toAssume } from "../sts/role-target.ts";

/** A right that a call asks for, and what conditions find beside that if it is an application that calls. */
export interface FoundRight extends AccessRequest {
  readonly ofApplications?: ReadonlyMap<string, string>;
  /** What another policy of the resource would come to; left out, that policy itself. */
  readonly withPolicy?: (policy: PolicySet) => PolicySet;
}

/** A right as somebody asks for it. */
export function askedBy({ type }: Pick<Principal, "type">, right: FoundRight): AccessRequest {
  const { ofApplications } = right;
  if (type !== "application" || ofApplications === undefined) return right;
  return { ...right, conditions: new Map([...(right.conditions ?? []), ...ofApplications]) };
}

/**
 * Finds what another product knows of a resource of the caller's account: the right that a call asks for which does `action`
 * to it. `undefined` for what is none of that product's; throws its own "not found".
 */
export type FindRight = (
  context: RequestContext,
  action: string,
  resource: string,
) => FoundRight | undefined | Promise<FoundRight | undefined>;

/** What a question about rights is about. */
export interface AskedResource {
  /** Its ARN, or `*`. */
  readonly arn: string;
  /** Whether it is the caller's account's. */
  readonly isOwn: boolean;
  /** What somebody must be allowed, beside the question itself, to hear what the resource's own policy says. */
  readonly toSee: readonly AccessRequest[];
  /** The right that a call asks for which does `action` to it. @throws ApiError `EntityNotExist.Role` */
  rightTo(action: string): FoundRight | Promise<FoundRight>;
}

const MAX_RESOURCE_CHARACTERS = 1024;
const FORMS = "It must be the ARN of something, *, a key's id, or alias/ and a name.";
/** An ARN: service, region, account, and what is named there. */
const ARN = /^acs:(?<service>[a-z0-9-]+):(?<region>[a-z0-9-]*):(?<accountId>[0-9]{16})?:(?<relativeId>.+)$/s;
/** RAM knows no regions: policies and people write nothing there, or a star. */
const RAM_ARN =
  /^acs:ram:\*?:(?<accountId>[0-9]{16})?:(?:role\/(?<role>[A-Za-z0-9.-]{1,64})|user\/(?<user>[A-Za-z0-9._-]{1,64})|.+)$/s;

/** The action by which roles are assumed, which trust policies are about. Letters' case does not matter in actions. */
const ASSUME_ROLE = "sts:assumerole";

export const authResource = required({
  schema: storableText({ maxCharacters: MAX_RESOURCE_CHARACTERS }),
  description: "The resource: an ARN, a key's id or alias, or * for an action on nothing in particular.",
});

/**
 * Finds the resource of a question.
 *
 * @throws ApiError `InvalidParameter`, or the "not found" of the resource's product.
 */
export function findAskedResource(
  context: RequestContext,
  resource: string,
  findRight: FindRight,
): AskedResource | Promise<AskedResource> {
  const ram = RAM_ARN.exec(resource)?.groups;
  if (ram !== undefined) {
    const { accountId = context.principal.accountId, role, user } = ram;
    const arn = `acs:ram::${accountId}:${resource.split(":").slice(4).join(":")}`;
    const isOwn = accountId === context.principal.accountId;
    if (role !== undefined && isOwn) return roleResource(context, arn, role);
    if (user !== undefined && isOwn) return userResource(context, arn, user);
    return plainResource(context, arn);
  }
  const isArn = ARN.test(resource);
  if (resource === "*") return plainResource(context, resource);
  if (!isArn && resource.startsWith("acs:")) throw invalidParameter("AuthResource", FORMS);
  return proceed(findRight(context, "kms:GetKeyPolicy", resource), (toSee): AskedResource => {
    if (toSee !== undefined) {
      return { arn: toSee.resource, isOwn: true, toSee: [toSee], rightTo: (action) => ({ ...toSee, action }) };
    }
    if (!isArn) throw invalidParameter("AuthResource", FORMS);
    return plainResource(context, resource);
  });
}

/** A resource that has no policy of its own, or one of another account, whose policy nobody is told of. */
function plainResource({ principal }: RequestContext, arn: string) {
  const accountId = ARN.exec(arn)?.groups?.["accountId"] ?? principal.accountId;
  return {
    arn,
    isOwn: accountId === principal.accountId,
    toSee: [],
    rightTo: (action: string): AccessRequest => ({ action, resource: arn, accountId, hiddenAs: "NoPermission" }),
  };
}

/** A role is looked for once the caller is allowed to look. */
function roleResource(context: RequestContext, arn: string, name: string): AskedResource {
  const plain = plainResource(context, arn);
  return {
    ...plain,
    toSee: [onNamed(context, "ram:GetRole", { type: "role", name })],
    async rightTo(action) {
      const role = await loadRole(context, name);
      return isAssuming(action) ? toAssume({ arn, role, conditions: undefined }) : plain.rightTo(action);
    },
  };
}

/** What an account lets all its users do with their own passwords counts as much as policies. */
function userResource(context: RequestContext, arn: string, name: string): AskedResource {
  const plain = plainResource(context, arn);
  return {
    ...plain,
    async rightTo(action) {
      return isChangingPassword(action) ? { ...(await onOwnPassword(context, name)), action } : plain.rightTo(action);
    },
  };
}

export function isAssuming(action: string): boolean {
  return action.toLowerCase() === ASSUME_ROLE;
}

/** @throws ApiError `InvalidParameter` for a resource of another account: whom its policy names is not told. */
export function assertOwn({ isOwn }: AskedResource): void {
  if (!isOwn) throw invalidParameter("AuthResource", "It must be a resource of your account.");
}
