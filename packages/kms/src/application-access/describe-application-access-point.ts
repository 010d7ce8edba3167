import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessResourceArn } from "../resource-name.ts";
import { onNamed } from "./access-right.ts";
import { namesOf } from "./access-row.ts";
import { loadAccessPoint } from "./load-access-point.ts";
import { name } from "./named-parameters.ts";

export const describeApplicationAccessPoint = defineOperation({
  ...kms,
  name: "DescribeApplicationAccessPoint",
  summary: "Tells which policies an access point has.",
  kind: "read",
  readWrite: "Read",
  parameters: { Name: name },
  result: z.object({
    Arn: z.string(),
    Name: z.string(),
    AuthenticationMethod: z.string(),
    Policies: z.string(),
    Description: z.string(),
  }),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadAccessPoint(context, Name),
  access: (context, target) => [onNamed(context, "kms:DescribeApplicationAccessPoint", target)],
  handle: ({ region }, _parameters, { accessPoint }) => ({
    result: {
      Arn: accessResourceArn({ region, accountId: accessPoint.accountId }, "applicationaccesspoint", accessPoint.name),
      Name: accessPoint.name,
      AuthenticationMethod: accessPoint.authenticationMethod,
      Policies: JSON.stringify(namesOf(accessPoint.policies)),
      Description: accessPoint.description,
    },
  }),
});
