import { ApiError, defineOperation, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId } from "../instance/find-instance.ts";
import { accessResourceArn } from "../resource-name.ts";
import { onNamed } from "./access-right.ts";
import { namesOf, newIncarnation } from "./access-row.ts";
import {
  accessControlRules,
  type ApplicationPolicy,
  formatAccessControlRules,
  permissions,
  resources,
} from "./application-policy.ts";
import { applicationPolicies, insertApplicationPolicy } from "./application-policy-repository.ts";
import { loadNamed } from "./load-named.ts";
import { description, newName } from "./named-parameters.ts";
import { networkRules } from "./network-rule-repository.ts";

export const createPolicy = defineOperation({
  ...kms,
  name: "CreatePolicy",
  summary: "Says what applications may do, with which keys and secrets, and from where.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    Name: newName,
    KmsInstance: optional({
      schema: instanceId,
      description: "The instance whose keys it is about. Left out, it is about the keys that are in no instance.",
    }),
    Permissions: required({
      schema: permissions,
      description: "What applications may do, as a JSON array of permissions.",
    }),
    Resources: required({
      schema: resources,
      description: "With what, as a JSON array of key/<id>, key/*, secret/<name>, secret/*.",
    }),
    AccessControlRules: optional({
      schema: accessControlRules,
      description:
        'From where: {"NetworkRules":[...]} with names, one of which must admit the caller. From everywhere by default.',
    }),
    Description: description,
  },
  result: z.object({
    Arn: z.string(),
    Name: z.string(),
    KmsInstance: z.string(),
    Permissions: z.string(),
    Resources: z.string(),
    AccessControlRules: z.string(),
    Description: z.string(),
  }),
  recordedResult: [],
  errors: ["Rejected.ResourceExist", "Forbidden.ResourceNotFound", "Forbidden.DKMSInstanceNotFound"],
  async target(context, { Name: name, KmsInstance: id }) {
    const instance = id === undefined ? undefined : await findInstance(context, id);
    return { resource: "policy", name, instance } as const;
  },
  access: (context, target) => [onNamed(context, "kms:CreatePolicy", target)],
  async handle(context, values, { name, instance }) {
    const { region, principal, now } = context;
    const { accountId } = principal;
    if ((await applicationPolicies.find(context, { accountId, name })) !== undefined) {
      throw new ApiError("Rejected.ResourceExist");
    }
    const policy: ApplicationPolicy = {
      accountId,
      name,
      incarnation: newIncarnation(),
      instanceId: instance?.id,
      permissions: values.Permissions,
      resources: values.Resources,
      networkRules: await loadNamed(context, {
        among: networkRules,
        noun: "network rule",
        names: values.AccessControlRules ?? [],
      }),
      description: values.Description ?? "",
      createdAt: now,
    };
    return {
      result: {
        Arn: accessResourceArn({ region, accountId }, "policy", name),
        Name: name,
        KmsInstance: policy.instanceId ?? "",
        Permissions: JSON.stringify(policy.permissions),
        Resources: JSON.stringify(policy.resources),
        AccessControlRules: formatAccessControlRules(namesOf(policy.networkRules)),
        Description: policy.description,
      },
      changes: [insertApplicationPolicy(context, policy)],
      touched: [applicationPolicies.touched(policy)],
    };
  },
});
