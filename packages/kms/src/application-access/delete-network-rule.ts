import { ApiError, defineOperation, ERRORS } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onNamed } from "./access-right.ts";
import { isRuleNamed } from "./application-policy-repository.ts";
import { loadNetworkRule } from "./load-network-rule.ts";
import { name } from "./named-parameters.ts";
import { deleteNetworkRuleRow, networkRules } from "./network-rule-repository.ts";

export const deleteNetworkRule = defineOperation({
  ...kms,
  name: "DeleteNetworkRule",
  summary: "Deletes a network rule that no policy names.",
  kind: "control",
  readWrite: "Write",
  parameters: { Name: name },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound", "Rejected.ResourceInUse"],
  target: (context, { Name }) => loadNetworkRule(context, Name),
  access: (context, target) => [onNamed(context, "kms:DeleteNetworkRule", target)],
  async handle(context, _parameters, { rule }) {
    if (await isRuleNamed(context, rule)) {
      const code = "Rejected.ResourceInUse";
      throw new ApiError(code, `${ERRORS[code].message} A policy names the network rule: change the policy first.`);
    }
    return { result: {}, changes: [deleteNetworkRuleRow(context, rule)], touched: [networkRules.touched(rule)] };
  },
});
