import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadPolicy, loadVersions } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, policyType } from "./policy-parameters.ts";
import { onPolicy, policyVersion, toPolicyVersion } from "./policy-view.ts";

export const listPolicyVersions = defineOperation({
  ...ram,
  name: "ListPolicyVersions",
  summary: "Lists the versions of a policy, the oldest first. Of a system policy there is the one in force.",
  kind: "read",
  readWrite: "Read",
  parameters: { PolicyName: policyName, PolicyType: policyType },
  result: z.object({ PolicyVersions: z.object({ PolicyVersion: z.array(policyVersion) }) }),
  recordedResult: [],
  errors: [...POLICY_NAME_ERRORS, "InvalidParameter.PolicyType", "EntityNotExist.Policy"],
  target: (_context, { PolicyName: name, PolicyType: type }) => ({ type, name }),
  access: (context, policy) => [onPolicy(context, "ram:ListPolicyVersions", policy)],
  async handle(context, _parameters, reference) {
    const policy = await loadPolicy(context, reference);
    const versions = await loadVersions(context, reference);
    return {
      result: { PolicyVersions: { PolicyVersion: versions.map((version) => toPolicyVersion(version, policy)) } },
    };
  },
});
