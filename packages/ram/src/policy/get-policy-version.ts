import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadPolicy, loadPolicyVersion } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, policyType, versionId } from "./policy-parameters.ts";
import { onPolicy, policyVersion, toPolicyVersion } from "./policy-view.ts";

export const getPolicyVersion = defineOperation({
  ...ram,
  name: "GetPolicyVersion",
  summary: "Says what one version of a policy says.",
  kind: "read",
  readWrite: "Read",
  parameters: { PolicyName: policyName, PolicyType: policyType, VersionId: versionId },
  result: z.object({ PolicyVersion: policyVersion }),
  recordedResult: [],
  errors: [
    ...POLICY_NAME_ERRORS,
    "InvalidParameter.PolicyType",
    "InvalidParameter.VersionId.Format",
    "EntityNotExist.Policy",
    "EntityNotExist.Policy.Version",
  ],
  target: (_context, { PolicyName: name, PolicyType: type }) => ({ type, name }),
  access: (context, policy) => [onPolicy(context, "ram:GetPolicyVersion", policy)],
  async handle(context, { VersionId: number }, reference) {
    const policy = await loadPolicy(context, reference);
    const version = await loadPolicyVersion(context, reference, number);
    return { result: { PolicyVersion: toPolicyVersion(version, policy) } };
  },
});
