import { ApiError, type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadCustomPolicy } from "./load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, versionId } from "./policy-parameters.ts";
import { changePolicy, compile, findVersion, touchedPolicy } from "./policy-repository.ts";
import { onPolicy } from "./policy-view.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const setDefaultPolicyVersion = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "SetDefaultPolicyVersion",
    summary: "Puts a version of a custom policy in force, at once and everywhere.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { PolicyName: policyName, VersionId: versionId },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [
      ...POLICY_NAME_ERRORS,
      "InvalidParameter.VersionId.Format",
      "EntityNotExist.Policy",
      "EntityNotExist.Policy.Version",
      ...SEPARATION_ERRORS,
    ],
    target: (_context, { PolicyName: name }) => ({ type: "Custom" as const, name }),
    access: (context, policy) => [onPolicy(context, "ram:SetDefaultPolicyVersion", policy)],
    async handle(context, { VersionId: version }, { name }) {
      const policy = await loadCustomPolicy(context, name);
      const found = await findVersion(context, policy, version);
      if (found === undefined) throw new ApiError("EntityNotExist.Policy.Version");
      const compiled = compile(found.document, { name, version });
      return separation.settle(
        context,
        { kind: "policy", policy: { type: "Custom", name }, compiled },
        {
          result: {},
          changes: [changePolicy(context, policy, { default_version: version })],
          touched: [touchedPolicy(policy)],
        },
      );
    },
  });
