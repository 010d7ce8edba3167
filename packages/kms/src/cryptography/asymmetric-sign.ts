import { defineOperation, proceed } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { assertCapable } from "./key-capability.ts";
import { bytesOnce, findVersionOf } from "./key-work.ts";
import { signingParameters, toSigned } from "./signed-input.ts";

export const asymmetricSign = defineOperation({
  ...kms,
  name: "AsymmetricSign",
  summary: "Signs a digest, or a message, with a private key.",
  kind: "crypto",
  throttlingClass: "Asymmetric",
  readWrite: "Read",
  parameters: signingParameters,
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), Value: z.string() }),
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
  async target(context, values) {
    const signed = toSigned(values);
    return { ...(await findKey(context, values.KeyId, { alias: true, arn: true })), signed };
  },
  access: (context, target) => [onKey(context, "kms:AsymmetricSign", target)],
  handle(context, { KeyVersionId, Algorithm: algorithm }, { key, signed }) {
    const version = findVersionOf(context, key, KeyVersionId);
    assertUsable(key.status);
    assertCapable(key, "signing", algorithm);
    const { keystore } = context.custody;
    return proceed(
      bytesOnce(context, version, (stored) => keystore.sign(stored, algorithm, signed)),
      (Value) => ({ result: { KeyId: key.id, KeyVersionId: version.identity.versionId, Value } }),
    );
  },
});
