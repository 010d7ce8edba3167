import { ApiError, defineOperation, oneOf, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessResourceArn } from "../resource-name.ts";
import { onNamed } from "./access-right.ts";
import { newIncarnation } from "./access-row.ts";
import { description, newName } from "./named-parameters.ts";
import { NETWORK_TYPES, type NetworkRule, sourceAddresses } from "./network-rule.ts";
import { insertNetworkRule, networkRules } from "./network-rule-repository.ts";

export const createNetworkRule = defineOperation({
  ...kms,
  name: "CreateNetworkRule",
  summary: "Says from which addresses applications may call, for policies to name.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    Name: newName,
    Type: required({ schema: oneOf(NETWORK_TYPES), description: "The kind of network: Private." }),
    SourcePrivateIp: optional({
      schema: sourceAddresses,
      description: "The addresses and networks, as a JSON array of texts. Without any the rule admits nobody.",
    }),
    Description: description,
  },
  result: z.object({
    Arn: z.string(),
    Name: z.string(),
    Type: z.string(),
    SourcePrivateIp: z.string(),
    Description: z.string(),
  }),
  recordedResult: [],
  errors: ["Rejected.ResourceExist"],
  target: (_context, { Name: name }) => ({ resource: "network", name }) as const,
  access: (context, target) => [onNamed(context, "kms:CreateNetworkRule", target)],
  async handle(context, values, { name }) {
    const { region, principal, now } = context;
    const { accountId } = principal;
    if ((await networkRules.find(context, { accountId, name })) !== undefined)
      throw new ApiError("Rejected.ResourceExist");
    const rule: NetworkRule = {
      accountId,
      name,
      incarnation: newIncarnation(),
      type: values.Type,
      sources: values.SourcePrivateIp ?? [],
      description: values.Description ?? "",
      createdAt: now,
    };
    return {
      result: {
        Arn: accessResourceArn({ region, accountId }, "network", name),
        Name: name,
        Type: rule.type,
        SourcePrivateIp: JSON.stringify(rule.sources),
        Description: rule.description,
      },
      changes: [insertNetworkRule(context, rule)],
      touched: [networkRules.touched(rule)],
    };
  },
});
