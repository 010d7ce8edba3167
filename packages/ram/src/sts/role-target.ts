import { type AccessRequest, ApiError, isStrangerTo, proceed, type RequestContext } from "@cinnabar/kernel";
import { accountKind } from "../account.ts";
import { findRole, type Role } from "../role/role-repository.ts";
import type { RoleReference } from "./parameters.ts";

/** A role that is to be assumed, and what its trust policy may ask about the call. */
export interface RoleTarget {
  readonly arn: string;
  readonly role: Role;
  readonly conditions: AccessRequest["conditions"];
}

/**
 * Finds a role that is to be assumed.
 *
 * @param conditions - what its trust policy may ask about the call, by condition keys in lower case.
 * @throws ApiError `EntityNotExist.Role`; to strangers it looks like a role that does not admit the caller.
 */
export function loadRoleTarget(
  context: RequestContext,
  { arn, accountId, name }: RoleReference,
  conditions: Readonly<Record<string, string | readonly string[]>>,
): RoleTarget | Promise<RoleTarget> {
  context.about("ACS::RAM::Role", name);
  return proceed(context.find(accountKind, accountId), (account) =>
    proceed(findRole(context, { accountId, name }), (role) => {
      if (account?.isEnabled === true && role !== undefined) {
        return { arn, role, conditions: new Map(Object.entries(conditions)) };
      }
      throw new ApiError(isStrangerTo(context.principal, accountId) ? "NoPermission" : "EntityNotExist.Role");
    }),
  );
}

/** Both must allow it: the policies of whoever assumes the role, and the role's trust policy. */
export function toAssume({ arn, role, conditions }: RoleTarget): AccessRequest {
  return {
    action: "sts:AssumeRole",
    resource: arn,
    accountId: role.accountId,
    hiddenAs: "NoPermission",
    resourcePolicy: role.trust,
    withinAccount: "both",
    conditions,
  };
}
