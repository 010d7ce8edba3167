import { ApiError, booleanText, defineOperation, type ErrorCode, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { type AttachedType, listAttachedEntities } from "../attachment/attachment-repository.ts";
import { deleteTags } from "../tag/tag-repository.ts";
import { loadCustomPolicy } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName } from "./policy-parameters.ts";
import { deletePolicyRows, listVersions, touchedPolicy } from "./policy-repository.ts";
import { onPolicy } from "./policy-view.ts";

/** What stands against it if it is attached, in the order in which it is said. */
const CONFLICTS = [
  ["user", "DeleteConflict.Policy.User"],
  ["group", "DeleteConflict.Policy.Group"],
  ["role", "DeleteConflict.Policy.Role"],
] as const satisfies readonly (readonly [AttachedType, ErrorCode])[];

export const deletePolicy = defineOperation({
  ...ram,
  name: "DeletePolicy",
  summary: "Deletes a custom policy that is attached to nobody.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    PolicyName: policyName,
    CascadingDelete: optional({
      schema: booleanText,
      description: "Whether to delete its other versions too. false by default: then it may have the default one only.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [
    ...POLICY_NAME_ERRORS,
    "EntityNotExist.Policy",
    ...CONFLICTS.map(([, code]) => code),
    "DeleteConflict.Policy.Version",
  ],
  target: (_context, { PolicyName: name }) => ({ type: "Custom" as const, name }),
  access: (context, policy) => [onPolicy(context, "ram:DeletePolicy", policy)],
  async handle(context, { CascadingDelete: cascades = false }, reference) {
    const policy = await loadCustomPolicy(context, reference.name);
    const { accountId, name } = policy;
    const attached = await listAttachedEntities(context, { accountId, policy: reference });
    for (const [type, code] of CONFLICTS) if (attached.some((entity) => entity.type === type)) throw new ApiError(code);
    const versions = await listVersions(context, policy);
    if (versions.length > 1 && !cascades) throw new ApiError("DeleteConflict.Policy.Version");
    return {
      result: {},
      changes: [
        ...(await deleteTags(context, { accountId, type: "policy", name })),
        ...deletePolicyRows(context, policy, versions),
      ],
      touched: [touchedPolicy(policy)],
    };
  },
});
