import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { description } from "../policy/policy-parameters.ts";
import { onNamed } from "../resource-name.ts";
import { loadRole } from "./load-role.ts";
import { maxSessionSeconds, newTrustPolicy, ROLE_NAME_ERRORS, roleName } from "./role-parameters.ts";
import { changeRole, type RoleContent, touchedRole } from "./role-repository.ts";
import { roleDetails, toRoleDetails } from "./role-view.ts";

export const updateRole = defineOperation({
  ...ram,
  name: "UpdateRole",
  summary: "Changes a role, and so ends every session of it, at once and everywhere.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    RoleName: roleName,
    NewAssumeRolePolicyDocument: newTrustPolicy,
    NewDescription: description,
    NewMaxSessionDuration: maxSessionSeconds,
  },
  result: z.object({ Role: roleDetails }),
  recordedResult: [],
  errors: [
    ...ROLE_NAME_ERRORS,
    "InvalidParameter.NewAssumeRolePolicyDocument.Length",
    "InvalidParameter.Description.Length",
    "MalformedPolicyDocument",
    "EntityNotExist.Role",
  ],
  target: (_context, { RoleName: name }) => name,
  access: (context, name) => [onNamed(context, "ram:UpdateRole", { type: "role", name })],
  async handle(context, parameters, name) {
    const role = await loadRole(context, name);
    const { NewAssumeRolePolicyDocument: trust, NewDescription, NewMaxSessionDuration } = parameters;
    const content: RoleContent = {
      description: NewDescription ?? role.description,
      trustDocument: trust?.text ?? role.trustDocument,
      maxSessionSeconds: NewMaxSessionDuration ?? role.maxSessionSeconds,
    };
    return {
      result: { Role: toRoleDetails({ ...role, ...content, updatedAt: context.now }) },
      changes: [changeRole(context, role, content)],
      touched: [touchedRole(role.roleId)],
    };
  },
});
