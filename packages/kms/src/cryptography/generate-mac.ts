import { defineOperation, proceed } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { assertCapable } from "./key-capability.ts";
import { bytesOnce } from "./key-work.ts";
import { macParameters } from "./mac-parameters.ts";

export const generateMac = defineOperation({
  ...kms,
  name: "GenerateMac",
  summary: "Makes the authentication code of a message.",
  kind: "crypto",
  readWrite: "Read",
  parameters: macParameters,
  result: z.object({ KeyId: z.string(), Algorithm: z.string(), Mac: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Rejected.UnsupportedOperation",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:GenerateMac", target)],
  handle(context, { Algorithm, Message: message }, { key }) {
    assertUsable(key.status);
    assertCapable(key, "mac", Algorithm);
    const { keystore } = context.custody;
    return proceed(
      bytesOnce(context, key.primaryVersion, (stored) => keystore.mac(stored, message)),
      (Mac) => ({ result: { KeyId: key.id, Algorithm, Mac } }),
    );
  },
});
