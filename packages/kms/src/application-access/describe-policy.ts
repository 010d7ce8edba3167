import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessResourceArn } from "../resource-name.ts";
import { onNamed } from "./access-right.ts";
import { namesOf } from "./access-row.ts";
import { formatAccessControlRules } from "./application-policy.ts";
import { loadApplicationPolicy } from "./load-application-policy.ts";
import { name } from "./named-parameters.ts";

export const describePolicy = defineOperation({
  ...kms,
  name: "DescribePolicy",
  summary: "Tells what a policy of applications says.",
  kind: "read",
  readWrite: "Read",
  parameters: { Name: name },
  result: z.object({
    Arn: z.string(),
    Name: z.string(),
    KmsInstance: z.string(),
    Permissions: z.array(z.string()),
    Resources: z.array(z.string()),
    AccessControlRules: z.string(),
    Description: z.string(),
  }),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadApplicationPolicy(context, Name),
  access: (context, target) => [onNamed(context, "kms:DescribePolicy", target)],
  handle: ({ region }, _parameters, { policy }) => ({
    result: {
      Arn: accessResourceArn({ region, accountId: policy.accountId }, "policy", policy.name),
      Name: policy.name,
      KmsInstance: policy.instanceId ?? "",
      Permissions: [...policy.permissions],
      Resources: [...policy.resources],
      AccessControlRules: formatAccessControlRules(namesOf(policy.networkRules)),
      Description: policy.description,
    },
  }),
});
