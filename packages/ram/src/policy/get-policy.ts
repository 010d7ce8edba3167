import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { countAttachments, policyReferenceId } from "../attachment/attachment-repository.ts";
import { loadPolicy, loadPolicyVersion } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, policyType } from "./policy-parameters.ts";
import { onPolicy, policySummary, policyVersion, toPolicySummary, toPolicyVersion } from "./policy-view.ts";

export const getPolicy = defineOperation({
  ...ram,
  name: "GetPolicy",
  summary: "Describes a policy and says what it says.",
  kind: "read",
  readWrite: "Read",
  parameters: { PolicyName: policyName, PolicyType: policyType },
  result: z.object({
    Policy: policySummary.extend({ AttachmentCount: z.int(), PolicyDocument: z.string() }),
    DefaultPolicyVersion: policyVersion,
  }),
  recordedResult: [],
  errors: [...POLICY_NAME_ERRORS, "InvalidParameter.PolicyType", "EntityNotExist.Policy"],
  target: (_context, { PolicyName: name, PolicyType: type }) => ({ type, name }),
  access: (context, policy) => [onPolicy(context, "ram:GetPolicy", policy)],
  async handle(context, _parameters, reference) {
    const policy = await loadPolicy(context, reference);
    const version = await loadPolicyVersion(context, reference, policy.defaultVersion);
    const { accountId } = context.principal;
    const counts = await countAttachments(context, { accountId, policies: [reference] });
    return {
      result: {
        Policy: {
          ...toPolicySummary(policy),
          AttachmentCount: counts.get(policyReferenceId(reference)) ?? 0,
          PolicyDocument: version.document,
        },
        DefaultPolicyVersion: toPolicyVersion(version, policy),
      },
    };
  },
});
