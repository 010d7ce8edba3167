import { defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { users } from "./attached-kind.ts";
import { attachedPolicies, listAttachedPolicies } from "./list-attached-policies.ts";

export const listPoliciesForUser = defineOperation({
  ...ram,
  name: "ListPoliciesForUser",
  summary: "Lists the policies that are attached to a user, in the order in which they were.",
  kind: "read",
  readWrite: "Read",
  parameters: { UserName: users.name },
  result: attachedPolicies,
  recordedResult: [],
  errors: [...users.nameErrors, users.notFound],
  target: (_context, { UserName: name }) => name,
  access: (context, name) => [onNamed(context, "ram:ListPoliciesForUser", { type: "user", name })],
  handle: (context, _parameters, name) => listAttachedPolicies(context, users, name),
});
