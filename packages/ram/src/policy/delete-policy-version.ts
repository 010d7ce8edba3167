import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadCustomPolicy } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, versionId } from "./policy-parameters.ts";
import { deleteVersion, findVersion, touchedPolicy } from "./policy-repository.ts";
import { onPolicy } from "./policy-view.ts";

export const deletePolicyVersion = defineOperation({
  ...ram,
  name: "DeletePolicyVersion",
  summary: "Deletes a version of a custom policy that is not in force.",
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
    "DeleteConflict.Policy.Version.Default",
  ],
  target: (_context, { PolicyName: name }) => ({ type: "Custom" as const, name }),
  access: (context, policy) => [onPolicy(context, "ram:DeletePolicyVersion", policy)],
  async handle(context, { VersionId: number }, { name }) {
    const policy = await loadCustomPolicy(context, name);
    const version = await findVersion(context, policy, number);
    if (version === undefined) throw new ApiError("EntityNotExist.Policy.Version");
    if (number === policy.defaultVersion) throw new ApiError("DeleteConflict.Policy.Version.Default");
    return { result: {}, changes: [deleteVersion(context, version)], touched: [touchedPolicy(policy)] };
  },
});
