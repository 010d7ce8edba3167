import { defineOperation, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { policyNames } from "./access-point.ts";
import { accessPoints, changeAccessPoint } from "./access-point-repository.ts";
import { onNamed } from "./access-right.ts";
import { applicationPolicies } from "./application-policy-repository.ts";
import { loadAccessPoint } from "./load-access-point.ts";
import { loadNamed } from "./load-named.ts";
import { description, name } from "./named-parameters.ts";

export const updateApplicationAccessPoint = defineOperation({
  ...kms,
  name: "UpdateApplicationAccessPoint",
  summary: "Gives an access point other policies, or another description.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    Name: name,
    Policies: optional({
      schema: policyNames,
      description: "The names of its policies from now on, as a JSON array. Left out, they stay.",
    }),
    Description: description,
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadAccessPoint(context, Name),
  access: (context, target) => [onNamed(context, "kms:UpdateApplicationAccessPoint", target)],
  async handle(context, values, { accessPoint }) {
    const { Policies: names } = values;
    const policies =
      names === undefined
        ? accessPoint.policies
        : await loadNamed(context, { among: applicationPolicies, noun: "policy", names });
    const next = { policies, description: values.Description ?? accessPoint.description };
    return {
      result: {},
      changes: [changeAccessPoint(context, accessPoint, next)],
      touched: [accessPoints.touched(accessPoint)],
    };
  },
});
