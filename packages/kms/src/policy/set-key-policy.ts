import { type DeclaredOperation, defineOperation, required, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { assertTakesPolicy } from "../default-key/default-key.ts";
import { changePolicyAccess, findInstanceOf } from "../instance/instance-key.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { changeKeyPolicy, keyKind } from "../key/key-repository.ts";
import { keyReference } from "../key/key-reference.ts";
import type { KeyUsageSource } from "../key/key-usage.ts";
import { usageImpact } from "../key/usage-impact.ts";
import { keyArn } from "../resource-name.ts";
import { type KeySeparation, SEPARATION_ERRORS } from "./key-separation.ts";
import { keyPolicy, MAX_POLICY_BYTES } from "./key-policy.ts";
import { assertManageable, lockoutParameters } from "./lockout.ts";
import { assertPolicyName, policyNameParameters } from "./policy-name.ts";

export const setKeyPolicy = ({
  separation,
  usage,
}: {
  readonly separation: KeySeparation;
  readonly usage: KeyUsageSource;
}): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "SetKeyPolicy",
    summary: "Gives a key another policy, in force at once and everywhere.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: {
      KeyId: required({ schema: keyReference, description: "The key's id or ARN." }),
      Policy: required({ schema: keyPolicy, description: `The policy in JSON, at most ${MAX_POLICY_BYTES} bytes.` }),
      ...policyNameParameters,
      ...lockoutParameters,
    },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [
      "Forbidden.KeyNotFound",
      "Unsupported.Alias",
      "Forbidden.ResourceNotFound",
      "Forbidden.KeyPolicyUnSupported",
      "Rejected.PolicyLockout",
      "Rejected.ShareQuotaExceedLimit",
      ...SEPARATION_ERRORS,
    ],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: true }),
    access: (context, target) => [onKey(context, "kms:SetKeyPolicy", target)],
    async handle(context, { Policy: policy, PolicyName, ConfirmLockout }, { key }) {
      assertPolicyName(PolicyName);
      assertTakesPolicy(key);
      if (ConfirmLockout !== true) assertManageable(context, policy, key);
      if (key.policy?.document === policy.document) return { result: {} };
      const instance = await findInstanceOf(context, key);
      const accesses = instance === undefined ? [] : await changePolicyAccess(context, instance, { key, policy });
      const { id: keyId, accountId } = key;
      const warned = await separation.check(context, {
        keyId,
        accountId,
        arn: keyArn({ region: context.region, accountId }, keyId),
        before: { policy: key.policy?.statements },
        policy: policy.statements,
      });
      return {
        result: warned,
        changes: [changeKeyPolicy(context, key, policy), ...accesses],
        touched: [{ kind: keyKind, id: key.id }],
      };
    },
    impact: usageImpact(usage, "TryPolicy of RAM tells which of these calls the policy would refuse."),
  });
