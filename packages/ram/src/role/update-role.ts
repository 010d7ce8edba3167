import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { description } from "../policy/policy-parameters.ts";
import { onNamed } from "../resource-name.ts";
import { loadRole } from "./load-role.ts";
import { maxSessionSeconds, newTrustPolicy, ROLE_NAME_ERRORS, roleName } from "./role-parameters.ts";
import { changeRole, compileTrust, type RoleContent, touchedRole } from "./role-repository.ts";
import { roleDetails, toRoleDetails } from "./role-view.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const updateRole = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "UpdateRole",
    summary: "Changes a role, and so ends every session of it, at once and everywhere.",
    kind: "control",
    queue: "rights",
    queuedWith: "NewAssumeRolePolicyDocument",
    readWrite: "Write",
    parameters: {
      RoleName: roleName,
      NewAssumeRolePolicyDocument: newTrustPolicy,
      NewDescription: description,
      NewMaxSessionDuration: maxSessionSeconds,
    },
    result: z.object({ Role: roleDetails, ...warningsResult }),
    recordedResult: [],
    errors: [
      ...ROLE_NAME_ERRORS,
      "InvalidParameter.NewAssumeRolePolicyDocument.Length",
      "InvalidParameter.Description.Length",
      "MalformedPolicyDocument",
      "EntityNotExist.Role",
      ...SEPARATION_ERRORS,
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
      const plan = {
        result: { Role: toRoleDetails({ ...role, ...content, updatedAt: context.now }) },
        changes: [changeRole(context, role, content)],
        touched: [touchedRole(role.roleId)],
      };
      if (content.trustDocument === role.trustDocument) return plan;
      const { roleId, roleName } = role;
      const changed = { roleId, roleName, trust: compileTrust(content.trustDocument, roleName) };
      return separation.settle(context, { kind: "trust", role: changed }, plan);
    },
  });
