import { timingSafeEqual } from "node:crypto";
import { defineOperation, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { assertCapable } from "./key-capability.ts";
import { bytesOnce } from "./key-work.ts";
import { macParameters, MAX_MAC_BYTES } from "./mac-parameters.ts";

export const verifyMac = defineOperation({
  ...kms,
  name: "VerifyMac",
  summary: "Tells whether an authentication code is that of a message.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    ...macParameters,
    Mac: required({
      schema: base64Bytes({ max: MAX_MAC_BYTES }),
      audit: "omit",
      description: "The code, whole, in base64. A wrong one is answered with Value false.",
    }),
  },
  result: z.object({ KeyId: z.string(), Algorithm: z.string(), Value: z.boolean() }),
  recordedResult: ["Value"],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Rejected.UnsupportedOperation",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:VerifyMac", target)],
  handle(context, { Algorithm, Message: message, Mac: claimed }, { key }) {
    assertUsable(key.status);
    assertCapable(key, "mac", Algorithm);
    const { keystore } = context.custody;
    return proceed(
      bytesOnce(context, key.primaryVersion, (stored) => keystore.mac(stored, message)),
      (mac) => ({ result: { KeyId: key.id, Algorithm, Value: isEqual(Buffer.from(mac, "base64"), claimed) } }),
    );
  },
});

/** In constant time for codes of the right length. */
function isEqual(right: Uint8Array, claimed: Uint8Array): boolean {
  return right.length === claimed.length && timingSafeEqual(right, claimed);
}
