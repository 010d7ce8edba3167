import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadCustomPolicy, toDetails } from "./load-policy.ts";
import { newDescription, POLICY_NAME_ERRORS, policyName } from "./policy-parameters.ts";
import { changePolicy, touchedPolicy } from "./policy-repository.ts";
import { onPolicy, policySummary, toPolicySummary } from "./policy-view.ts";

export const updatePolicyDescription = defineOperation({
  ...ram,
  name: "UpdatePolicyDescription",
  summary: "Changes what a custom policy is for, in words.",
  kind: "control",
  readWrite: "Write",
  parameters: { PolicyName: policyName, NewDescription: newDescription },
  result: z.object({ Policy: policySummary }),
  recordedResult: [],
  errors: [...POLICY_NAME_ERRORS, "InvalidParameter.Description.Length", "EntityNotExist.Policy"],
  target: (_context, { PolicyName: name }) => ({ type: "Custom" as const, name }),
  access: (context, policy) => [onPolicy(context, "ram:UpdatePolicyDescription", policy)],
  async handle(context, { NewDescription }, { name }) {
    const policy = await loadCustomPolicy(context, name);
    const changed = { ...toDetails(policy), description: NewDescription, updatedAt: context.now };
    return {
      result: { Policy: toPolicySummary(changed) },
      changes: [changePolicy(context, policy, { description: NewDescription })],
      touched: [touchedPolicy(policy)],
    };
  },
});
