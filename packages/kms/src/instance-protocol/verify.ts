import { defineOperation, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { MAX_SIGNATURE_BYTES } from "../cryptography/asymmetric-algorithms.ts";
import { assertCapable } from "../cryptography/key-capability.ts";
import { verdictOnce } from "../cryptography/key-work.ts";
import { assertUsable } from "../key/key.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { instanceApi } from "./instance-api.ts";
import { findInstanceKey, namedVersion, onInstanceKey } from "./instance-key.ts";
import { signedParameters, toSigned, toSigningAlgorithm } from "./signed-message.ts";

export const verify = defineOperation({
  ...instanceApi,
  name: "Verify",
  summary: "Tells whether a signature is that of a pair's private key.",
  kind: "crypto",
  throttlingClass: "Asymmetric",
  readWrite: "Read",
  parameters: {
    ...signedParameters,
    Signature: required({
      schema: base64Bytes({ max: MAX_SIGNATURE_BYTES }),
      audit: "omit",
      description: "The signature. A wrong one is answered with Value false.",
    }),
  },
  result: z.object({ KeyId: z.string(), Value: z.boolean(), Algorithm: z.string(), MessageType: z.string() }),
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
  target: (context, { KeyId }) => findInstanceKey(context, KeyId),
  access: (context, target) => [onInstanceKey(context, "kms:AsymmetricVerify", target)],
  handle(context, values, { key }) {
    assertUsable(key.status);
    const algorithm = toSigningAlgorithm(values.Algorithm, key.spec);
    assertCapable(key, "signing", algorithm);
    const signed = { ...toSigned(values, algorithm), signature: values.Signature };
    const version = namedVersion(context, key, values.KeyVersionId);
    const { keystore } = context.custody;
    return proceed(
      verdictOnce(context, version, (publicKey) => keystore.verify(publicKey, algorithm, signed)),
      (Value) => ({
        result: { KeyId: key.id, Value, Algorithm: algorithm, MessageType: values.MessageType ?? "RAW" },
      }),
    );
  },
});
