import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessResourceArn } from "../resource-name.ts";
import { onNamed } from "./access-right.ts";
import { loadNetworkRule } from "./load-network-rule.ts";
import { name } from "./named-parameters.ts";

export const describeNetworkRule = defineOperation({
  ...kms,
  name: "DescribeNetworkRule",
  summary: "Tells what a network rule says.",
  kind: "read",
  readWrite: "Read",
  parameters: { Name: name },
  result: z.object({ Arn: z.string(), Type: z.string(), SourcePrivateIp: z.string(), Description: z.string() }),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadNetworkRule(context, Name),
  access: (context, target) => [onNamed(context, "kms:DescribeNetworkRule", target)],
  handle: ({ region }, _parameters, { rule }) => ({
    result: {
      Arn: accessResourceArn({ region, accountId: rule.accountId }, "network", rule.name),
      Type: rule.type,
      SourcePrivateIp: JSON.stringify(rule.sources),
      Description: rule.description,
    },
  }),
});
