import { defineOperation, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onNamed } from "./access-right.ts";
import { accessControlRules, permissions, resources } from "./application-policy.ts";
import { applicationPolicies, changeApplicationPolicy } from "./application-policy-repository.ts";
import { loadApplicationPolicy } from "./load-application-policy.ts";
import { loadNamed } from "./load-named.ts";
import { description, name } from "./named-parameters.ts";
import { networkRules } from "./network-rule-repository.ts";

export const updatePolicy = defineOperation({
  ...kms,
  name: "UpdatePolicy",
  summary: "Changes what a policy of applications says; whose instance it is about stays.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    Name: name,
    Permissions: optional({
      schema: permissions,
      description: "What applications may do from now on, as a JSON array of permissions. Left out, it stays.",
    }),
    Resources: optional({
      schema: resources,
      description: "With what, as a JSON array of key/<id>, key/*, secret/<name>, secret/*. Left out, it stays.",
    }),
    AccessControlRules: optional({
      schema: accessControlRules,
      description: 'From where: {"NetworkRules":[...]} with names, an empty array for everywhere. Left out, it stays.',
    }),
    Description: description,
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadApplicationPolicy(context, Name),
  access: (context, target) => [onNamed(context, "kms:UpdatePolicy", target)],
  async handle(context, values, { policy }) {
    const { AccessControlRules: names } = values;
    const rules =
      names === undefined
        ? policy.networkRules
        : await loadNamed(context, { among: networkRules, noun: "network rule", names });
    return {
      result: {},
      changes: [
        changeApplicationPolicy(context, policy, {
          permissions: values.Permissions ?? policy.permissions,
          resources: values.Resources ?? policy.resources,
          networkRules: rules,
          description: values.Description ?? policy.description,
        }),
      ],
      touched: [applicationPolicies.touched(policy)],
    };
  },
});
