import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadCustomPolicy } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, versionId } from "./policy-parameters.ts";
import { changePolicy, findVersion, touchedPolicy } from "./policy-repository.ts";
import { onPolicy } from "./policy-view.ts";

export const setDefaultPolicyVersion = defineOperation({
  ...ram,
  name: "SetDefaultPolicyVersion",
  summary: "Puts a version of a custom policy in force, at once and everywhere.",
  kind: "control",
  readWrite: "Write",
  parameters: { PolicyName: policyName, VersionId: versionId },
  result: z.object({}),
  recordedResult: [],
  errors: [
    ...POLICY_NAME_ERRORS,
    "InvalidParameter.VersionId.Format",
    "EntityNotExist.Policy",
    "EntityNotExist.Policy.Version",
  ],
  target: (_context, { PolicyName: name }) => ({ type: "Custom" as const, name }),
  access: (context, policy) => [onPolicy(context, "ram:SetDefaultPolicyVersion", policy)],
  async handle(context, { VersionId: version }, { name }) {
    const policy = await loadCustomPolicy(context, name);
    if ((await findVersion(context, policy, version)) === undefined) {
      throw new ApiError("EntityNotExist.Policy.Version");
    }
    return {
      result: {},
      changes: [changePolicy(context, policy, { default_version: version })],
      touched: [touchedPolicy(policy)],
    };
  },
});
