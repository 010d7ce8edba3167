import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { newTags } from "../tag/tag-parameters.ts";
import { insertTags } from "../tag/tag-repository.ts";
import { description, POLICY_NAME_ERRORS, policyDocument, policyName } from "./policy-parameters.ts";
import { countPolicies, findPolicy, insertPolicy, touchedPolicy } from "./policy-repository.ts";
import { onPolicy, policySummary, toPolicySummary } from "./policy-view.ts";

/** Most custom policies of one account (Alibaba Cloud RAM, "Limits"). */
export const MAX_POLICIES = 1500;

export const createPolicy = defineOperation({
  ...ram,
  name: "CreatePolicy",
  summary: "Makes a custom policy, which does nothing until it is attached.",
  // Under the lock, so that two calls at once neither pass the limit nor take one name.
  kind: "control",
  readWrite: "Write",
  parameters: { PolicyName: policyName, PolicyDocument: policyDocument, Description: description, Tag: newTags },
  result: z.object({ Policy: policySummary.omit({ UpdateDate: true }) }),
  recordedResult: [],
  errors: [
    ...POLICY_NAME_ERRORS,

    "InvalidParameter.PolicyDocument.Length",
    "InvalidParameter.Description.Length",
    "MalformedPolicyDocument",
    "EntityAlreadyExists.Policy",
    "LimitExceeded.Policy",
  ],
  target: (context, { PolicyName: name }) => ({ accountId: context.principal.accountId, name }),
  access: (context, { name }) => [onPolicy(context, "ram:CreatePolicy", { type: "Custom", name })],
  async handle(context, { PolicyDocument, Description = "", Tag = new Map() }, place) {
    const { accountId, name } = place;
    if ((await findPolicy(context, place)) !== undefined) throw new ApiError("EntityAlreadyExists.Policy");
    if ((await countPolicies(context, accountId)) >= MAX_POLICIES) throw new ApiError("LimitExceeded.Policy");
    const { now } = context;
    const { UpdateDate: _updateDate, ...policy } = toPolicySummary({
      type: "Custom",
      name,
      description: Description,
      defaultVersion: 1,
      createdAt: now,
      updatedAt: now,
    });
    context.about("ACS::RAM::Policy", name);
    return {
      result: { Policy: policy },
      changes: [
        ...insertPolicy(context, place, { description: Description, document: PolicyDocument.text }),
        ...insertTags(context, { accountId, type: "policy", name }, Tag),
      ],
      touched: [touchedPolicy(place)],
    };
  },
});
