import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { changeKeyPolicy, keyKind } from "../key/key-repository.ts";
import { keyReference } from "../key/key-reference.ts";
import { keyPolicy, MAX_POLICY_BYTES } from "./key-policy.ts";
import { assertManageable, lockoutParameters } from "./lockout.ts";
import { assertPolicyName, policyNameParameters } from "./policy-name.ts";

export const setKeyPolicy = defineOperation({
  ...kms,
  name: "SetKeyPolicy",
  summary: "Gives a key another policy, in force at once and everywhere.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id or ARN." }),
    Policy: required({ schema: keyPolicy, description: `The policy in JSON, at most ${MAX_POLICY_BYTES} bytes.` }),
    ...policyNameParameters,
    ...lockoutParameters,
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Forbidden.ResourceNotFound", "Rejected.PolicyLockout"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: true }),
  access: (context, target) => [onKey(context, "kms:SetKeyPolicy", target)],
  handle(context, { Policy: policy, PolicyName, ConfirmLockout }, { key }) {
    assertPolicyName(PolicyName);
    if (ConfirmLockout !== true) assertManageable(context, policy, key);
    if (key.policy?.document === policy.document) return { result: {} };
    return {
      result: {},
      changes: [changeKeyPolicy(context, key, policy)],
      touched: [{ kind: keyKind, id: key.id }],
    };
  },
});
