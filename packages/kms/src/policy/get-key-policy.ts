import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { assertTakesPolicy } from "../default-key/default-key.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { defaultKeyPolicy } from "./key-policy.ts";
import { assertPolicyName, policyNameParameters } from "./policy-name.ts";

export const getKeyPolicy = defineOperation({
  ...kms,
  name: "GetKeyPolicy",
  summary: "Tells a key's policy: who may do what with it, beside what policies in RAM say.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id or ARN." }),
    ...policyNameParameters,
  },
  result: z.object({ Policy: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Unsupported.Alias",
    "Forbidden.ResourceNotFound",
    "Forbidden.KeyPolicyUnSupported",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: true }),
  access: (context, target) => [onKey(context, "kms:GetKeyPolicy", target)],
  handle(_context, { PolicyName }, { key }) {
    assertPolicyName(PolicyName);
    assertTakesPolicy(key);
    return { result: { Policy: key.policy?.document ?? defaultKeyPolicy(key.accountId) } };
  },
});
