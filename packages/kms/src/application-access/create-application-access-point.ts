import { ApiError, defineOperation, oneOf, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessResourceArn } from "../resource-name.ts";
import { type AccessPoint, AUTHENTICATION_METHODS, policyNames } from "./access-point.ts";
import { accessPoints, insertAccessPoint } from "./access-point-repository.ts";
import { onNamed } from "./access-right.ts";
import { newIncarnation } from "./access-row.ts";
import { applicationPolicies } from "./application-policy-repository.ts";
import { loadNamed } from "./load-named.ts";
import { description, newName } from "./named-parameters.ts";

export const createApplicationAccessPoint = defineOperation({
  ...kms,
  name: "CreateApplicationAccessPoint",
  summary: "Makes an access point, which applications call through with its client keys.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    Name: newName,
    AuthenticationMethod: optional({
      schema: oneOf(AUTHENTICATION_METHODS),
      description: "How applications prove themselves: ClientKey, the default.",
    }),
    Policies: required({
      schema: policyNames,
      description: "What they may do: a JSON array of the names of policies, any of which may allow a call.",
    }),
    Description: description,
  },
  result: z.object({
    Arn: z.string(),
    Name: z.string(),
    AuthenticationMethod: z.string(),
    Policies: z.string(),
    Description: z.string(),
  }),
  recordedResult: [],
  errors: ["Rejected.ResourceExist", "Forbidden.ResourceNotFound"],
  target: (_context, { Name: name }) => ({ resource: "applicationaccesspoint", name }) as const,
  access: (context, target) => [onNamed(context, "kms:CreateApplicationAccessPoint", target)],
  async handle(context, values, { name }) {
    const { region, principal, now } = context;
    const { accountId } = principal;
    if ((await accessPoints.find(context, { accountId, name })) !== undefined)
      throw new ApiError("Rejected.ResourceExist");
    const accessPoint: AccessPoint = {
      accountId,
      name,
      incarnation: newIncarnation(),
      authenticationMethod: values.AuthenticationMethod ?? "ClientKey",
      policies: await loadNamed(context, { among: applicationPolicies, noun: "policy", names: values.Policies }),
      description: values.Description ?? "",
      createdAt: now,
    };
    return {
      result: {
        Arn: accessResourceArn({ region, accountId }, "applicationaccesspoint", name),
        Name: name,
        AuthenticationMethod: accessPoint.authenticationMethod,
        Policies: JSON.stringify(values.Policies),
        Description: accessPoint.description,
      },
      changes: [insertAccessPoint(context, accessPoint)],
      touched: [accessPoints.touched(accessPoint)],
    };
  },
});
