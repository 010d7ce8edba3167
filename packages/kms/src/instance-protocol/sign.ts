import { defineOperation, proceed } from "@cinnabar/kernel";
import { z } from "zod";
import { assertCapable } from "../cryptography/key-capability.ts";
import { bytesOnce } from "../cryptography/key-work.ts";
import { assertUsable } from "../key/key.ts";
import { instanceApi } from "./instance-api.ts";
import { findInstanceKey, namedVersion, onInstanceKey } from "./instance-key.ts";
import { signedParameters, toSigned, toSigningAlgorithm } from "./signed-message.ts";

export const sign = defineOperation({
  ...instanceApi,
  name: "Sign",
  summary: "Signs a message, or its digest, with a private key.",
  kind: "crypto",
  throttlingClass: "Asymmetric",
  readWrite: "Read",
  parameters: signedParameters,
  result: z.object({ KeyId: z.string(), Signature: z.string(), Algorithm: z.string(), MessageType: z.string() }),
  recordedResult: [],
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
  access: (context, target) => [onInstanceKey(context, "kms:AsymmetricSign", target)],
  handle(context, values, { key }) {
    assertUsable(key.status);
    const algorithm = toSigningAlgorithm(values.Algorithm, key.spec);
    assertCapable(key, "signing", algorithm);
    const signed = toSigned(values, algorithm);
    const version = namedVersion(context, key, values.KeyVersionId);
    const { keystore } = context.custody;
    return proceed(
      bytesOnce(context, version, (stored) => keystore.sign(stored, algorithm, signed)),
      (Signature) => ({
        result: { KeyId: key.id, Signature, Algorithm: algorithm, MessageType: values.MessageType ?? "RAW" },
      }),
    );
  },
});
