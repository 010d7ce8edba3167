import {
  ApiError,
  booleanText,
  type DeclaredOperation,
  defineOperation,
  oneOf,
  optional,
  warningsResult,
} from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadCustomPolicy } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyDocument, policyName } from "./policy-parameters.ts";
import { compile, deleteVersion, insertVersion, listVersions, touchedPolicy } from "./policy-repository.ts";
import { onPolicy, policyVersion, toPolicyVersion } from "./policy-view.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

/** Most versions of one policy (Alibaba Cloud RAM, "Limits"). */
export const MAX_VERSIONS = 5;

export const createPolicyVersion = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "CreatePolicyVersion",
    summary:
      "Adds a version to a custom policy, which is in force at once and everywhere if it is made the default one.",
    kind: "control",
    queue: "rights",
    queuedWith: "SetAsDefault",
    readWrite: "Write",
    parameters: {
      PolicyName: policyName,
      PolicyDocument: policyDocument,
      SetAsDefault: optional({
        schema: booleanText,
        description: "Whether it is in force from now on. false by default.",
      }),
      RotateStrategy: optional({
        schema: oneOf(["None", "DeleteOldestNonDefaultVersionWhenLimitExceeded"]),
        description: `What to do if there are ${MAX_VERSIONS} versions: nothing, which is the default, or to delete the oldest one that is not in force.`,
      }),
    },
    result: z.object({ PolicyVersion: policyVersion, ...warningsResult }),
    recordedResult: [],
    errors: [
      ...POLICY_NAME_ERRORS,
      "InvalidParameter.PolicyDocument.Length",
      "MalformedPolicyDocument",
      "EntityNotExist.Policy",
      "LimitExceeded.Policy.Version",
      ...SEPARATION_ERRORS,
    ],
    target: (_context, { PolicyName: name }) => ({ type: "Custom" as const, name }),
    access: (context, policy) => [onPolicy(context, "ram:CreatePolicyVersion", policy)],
    async handle(context, { PolicyDocument, SetAsDefault: isDefault = false, RotateStrategy }, { name }) {
      const policy = await loadCustomPolicy(context, name);
      const versions = await listVersions(context, policy);
      const oldest = versions.find(({ version }) => version !== policy.defaultVersion);
      const isFull = versions.length >= MAX_VERSIONS;
      if (isFull && (RotateStrategy !== "DeleteOldestNonDefaultVersionWhenLimitExceeded" || oldest === undefined)) {
        throw new ApiError("LimitExceeded.Policy.Version");
      }
      const { text: document } = PolicyDocument;
      const { version, changes } = insertVersion(context, policy, { document, isDefault });
      context.note({ policyVersion: version });
      const defaultVersion = isDefault ? version : policy.defaultVersion;
      const plan = {
        result: { PolicyVersion: toPolicyVersion({ version, document, createdAt: context.now }, { defaultVersion }) },
        changes: [...(isFull && oldest !== undefined ? [deleteVersion(context, oldest)] : []), ...changes],
        touched: [touchedPolicy(policy)],
      };
      if (!isDefault) return plan;
      const compiled = compile(document, { name, version });
      return separation.settle(context, { kind: "policy", policy: { type: "Custom", name }, compiled }, plan);
    },
  });
