import { defineOperation, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { MAX_SIGNATURE_BYTES } from "./asymmetric-algorithms.ts";
import { assertCapable } from "./key-capability.ts";
import { findVersionOf, verdictOnce } from "./key-work.ts";
import { signingParameters, toSigned } from "./signed-input.ts";

export const asymmetricVerify = defineOperation({
  ...kms,
  name: "AsymmetricVerify",
  summary: "Tells whether a signature is that of a pair's private key.",
  kind: "crypto",
  throttlingClass: "Asymmetric",
  readWrite: "Read",
  parameters: {
    ...signingParameters,
    Value: required({
      schema: base64Bytes({ max: MAX_SIGNATURE_BYTES }),
      audit: "omit",
      description: "The signature, in base64. A wrong one is answered with Value false.",
    }),
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), Value: z.boolean() }),
  recordedResult: ["Value"],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Forbidden.KeyVersionNotFound",
    "Rejected.UnsupportedOperation",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
    "Rejected.Throttling",
  ],
  async target(context, values) {
    const signed = { ...toSigned(values), signature: values.Value };
    return { ...(await findKey(context, values.KeyId, { alias: true, arn: true })), signed };
  },
  access: (context, target) => [onKey(context, "kms:AsymmetricVerify", target)],
  handle(context, { KeyVersionId, Algorithm: algorithm }, { key, signed }) {
    const version = findVersionOf(context, key, KeyVersionId);
    assertUsable(key.status);
    assertCapable(key, "signing", algorithm);
    const { keystore } = context.custody;
    return proceed(
      verdictOnce(context, version, (publicKey) => keystore.verify(publicKey, algorithm, signed)),
      (Value) => ({ result: { KeyId: key.id, KeyVersionId: version.identity.versionId, Value } }),
    );
  },
});
