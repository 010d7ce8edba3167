import { defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { groups } from "./attached-kind.ts";
import { attachedPolicies, listAttachedPolicies } from "./list-attached-policies.ts";

export const listPoliciesForGroup = defineOperation({
  ...ram,
  name: "ListPoliciesForGroup",
  summary: "Lists the policies that are attached to a group, in the order in which they were.",
  kind: "read",
  readWrite: "Read",
  parameters: { GroupName: groups.name },
  result: attachedPolicies,
  recordedResult: [],
  errors: [...groups.nameErrors, groups.notFound],
  target: (_context, { GroupName: name }) => name,
  access: (context, name) => [onNamed(context, "ram:ListPoliciesForGroup", { type: "group", name })],
  handle: (context, _parameters, name) => listAttachedPolicies(context, groups, name),
});
