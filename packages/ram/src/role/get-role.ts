import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { loadRole } from "./load-role.ts";
import { ROLE_NAME_ERRORS, roleName } from "./role-parameters.ts";
import { roleDetails, toRoleDetails } from "./role-view.ts";

export const getRole = defineOperation({
  ...ram,
  name: "GetRole",
  summary: "Describes a role and who may assume it.",
  kind: "read",
  readWrite: "Read",
  parameters: { RoleName: roleName },
  result: z.object({ Role: roleDetails }),
  recordedResult: [],
  errors: [...ROLE_NAME_ERRORS, "EntityNotExist.Role"],
  target: (_context, { RoleName: name }) => name,
  access: (context, name) => [onNamed(context, "ram:GetRole", { type: "role", name })],
  async handle(context, _parameters, name) {
    return { result: { Role: toRoleDetails(await loadRole(context, name)) } };
  },
});
