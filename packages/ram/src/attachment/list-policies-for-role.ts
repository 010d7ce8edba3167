import { defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { roles } from "./attached-kind.ts";
import { attachedPolicies, listAttachedPolicies } from "./list-attached-policies.ts";

export const listPoliciesForRole = defineOperation({
  ...ram,
  name: "ListPoliciesForRole",
  summary: "Lists the policies that are attached to a role, in the order in which they were.",
  kind: "read",
  readWrite: "Read",
  parameters: { RoleName: roles.name },
  result: attachedPolicies,
  recordedResult: [],
  errors: [...roles.nameErrors, roles.notFound],
  target: (_context, { RoleName: name }) => name,
  access: (context, name) => [onNamed(context, "ram:ListPoliciesForRole", { type: "role", name })],
  handle: (context, _parameters, name) => listAttachedPolicies(context, roles, name),
});
