import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { hasAttachments } from "../attachment/attachment-repository.ts";
import { onNamed } from "../resource-name.ts";
import { deleteTags } from "../tag/tag-repository.ts";
import { loadRole } from "./load-role.ts";
import { ROLE_NAME_ERRORS, roleName } from "./role-parameters.ts";
import { deleteRoleRow, touchedRole, touchedRoleName } from "./role-repository.ts";

export const deleteRole = defineOperation({
  ...ram,
  name: "DeleteRole",
  summary: "Deletes a role that no policy is attached to, and so ends every session of it, at once and everywhere.",
  kind: "control",
  readWrite: "Write",
  parameters: { RoleName: roleName },
  result: z.object({}),
  recordedResult: [],
  errors: [...ROLE_NAME_ERRORS, "EntityNotExist.Role", "DeleteConflict.Role.Policy"],
  target: (_context, { RoleName: name }) => name,
  access: (context, name) => [onNamed(context, "ram:DeleteRole", { type: "role", name })],
  async handle(context, _parameters, name) {
    const role = await loadRole(context, name);
    const { roleId, accountId } = role;
    if (await hasAttachments(context, "role", roleId)) throw new ApiError("DeleteConflict.Role.Policy");
    return {
      result: {},
      changes: [...(await deleteTags(context, { accountId, type: "role", name })), deleteRoleRow(context, role)],
      touched: [touchedRole(roleId), touchedRoleName({ accountId, name })],
    };
  },
});
