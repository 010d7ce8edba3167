import { ApiError, type RequestContext } from "@cinnabar/kernel";
import { findRole, type Role } from "./role-repository.ts";

/** The role of that name of the caller's account. @throws {@link ApiError} `EntityNotExist.Role` */
export async function loadRole(context: RequestContext, name: string): Promise<Role> {
  const role = await findRole(context, { accountId: context.principal.accountId, name });
  if (role === undefined) throw new ApiError("EntityNotExist.Role");
  context.about("ACS::RAM::Role", name);
  context.note({ roleId: role.roleId, roleRevision: role.revision });
  return role;
}
