import { type AccessRequest, ApiError, type RequestContext, type Touched } from "@cinnabar/kernel";
import { findPolicy, touchedPolicy } from "../policy/policy-repository.ts";
import { onNamed } from "../resource-name.ts";
import { findRole, touchedRole } from "../role/role-repository.ts";
import type { TaggedType, TagOwner } from "./tag.ts";

/** The roles or policies that a call names. */
export interface TaggedResources {
  readonly type: TaggedType;
  readonly names: readonly string[];
}

export function onEach(context: RequestContext, action: string, { type, names }: TaggedResources): AccessRequest[] {
  return names.map((name) => onNamed(context, action, { type, name }));
}

/**
 * Those of the caller's account, and what a change of their tags makes others forget.
 *
 * @throws {@link ApiError} `EntityNotExist.Role` or `EntityNotExist.Policy`.
 */
export async function loadTagOwners(
  context: RequestContext,
  { type, names }: TaggedResources,
): Promise<readonly { readonly owner: TagOwner; readonly touched: Touched }[]> {
  const { accountId } = context.principal;
  const owners: { owner: TagOwner; touched: Touched }[] = [];
  for (const name of names) {
    const owner = { accountId, type, name };
    if (type === "role") {
      const role = await findRole(context, owner);
      if (role === undefined) throw new ApiError("EntityNotExist.Role");
      owners.push({ owner, touched: touchedRole(role.roleId) });
    } else {
      if ((await findPolicy(context, owner)) === undefined) throw new ApiError("EntityNotExist.Policy");
      owners.push({ owner, touched: touchedPolicy(owner) });
    }
  }
  context.about(type === "role" ? "ACS::RAM::Role" : "ACS::RAM::Policy", names.join(","));
  return owners;
}
