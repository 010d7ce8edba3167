import { ApiError, defineOperation, ERRORS } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { isPolicyNamed } from "./access-point-repository.ts";
import { onNamed } from "./access-right.ts";
import { applicationPolicies, deleteApplicationPolicyRow } from "./application-policy-repository.ts";
import { loadApplicationPolicy } from "./load-application-policy.ts";
import { name } from "./named-parameters.ts";

export const deletePolicy = defineOperation({
  ...kms,
  name: "DeletePolicy",
  summary: "Deletes a policy of applications that no access point names.",
  kind: "control",
  readWrite: "Write",
  parameters: { Name: name },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound", "Rejected.ResourceInUse"],
  target: (context, { Name }) => loadApplicationPolicy(context, Name),
  access: (context, target) => [onNamed(context, "kms:DeletePolicy", target)],
  async handle(context, _parameters, { policy }) {
    if (await isPolicyNamed(context, policy)) {
      const code = "Rejected.ResourceInUse";
      throw new ApiError(
        code,
        `${ERRORS[code].message} An access point names the policy: change the access point first.`,
      );
    }
    return {
      result: {},
      changes: [deleteApplicationPolicyRow(context, policy)],
      touched: [applicationPolicies.touched(policy)],
    };
  },
});
