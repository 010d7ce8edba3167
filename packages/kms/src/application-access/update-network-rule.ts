import { defineOperation, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onNamed } from "./access-right.ts";
import { loadNetworkRule } from "./load-network-rule.ts";
import { description, name } from "./named-parameters.ts";
import { sourceAddresses } from "./network-rule.ts";
import { changeNetworkRule, networkRules } from "./network-rule-repository.ts";

export const updateNetworkRule = defineOperation({
  ...kms,
  name: "UpdateNetworkRule",
  summary: "Changes from which addresses a network rule lets applications call, or how it is described.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    Name: name,
    SourcePrivateIp: optional({
      schema: sourceAddresses,
      description: "The addresses and networks from now on, as a JSON array of texts. Left out, they stay.",
    }),
    Description: description,
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadNetworkRule(context, Name),
  access: (context, target) => [onNamed(context, "kms:UpdateNetworkRule", target)],
  handle: (context, values, { rule }) => ({
    result: {},
    changes: [
      changeNetworkRule(context, rule, {
        sources: values.SourcePrivateIp ?? rule.sources,
        description: values.Description ?? rule.description,
      }),
    ],
    touched: [networkRules.touched(rule)],
  }),
});
