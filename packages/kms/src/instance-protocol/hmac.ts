import { defineOperation, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { assertCapable } from "../cryptography/key-capability.ts";
import { bytesOnce } from "../cryptography/key-work.ts";
import { assertUsable } from "../key/key.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { instanceApi, MAX_FIELD_BYTES } from "./instance-api.ts";
import { findInstanceKey, initialVersion, keyId, onInstanceKey } from "./instance-key.ts";

export const hmac = defineOperation({
  ...instanceApi,
  name: "Hmac",
  summary: "Makes the authentication code of a message, by the one algorithm of the key's spec.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    KeyId: keyId,
    Message: required({ schema: base64Bytes({ max: MAX_FIELD_BYTES }), audit: "omit", description: "The message." }),
  },
  result: z.object({ KeyId: z.string(), Signature: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Rejected.UnsupportedOperation",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
  ],
  target: (context, { KeyId }) => findInstanceKey(context, KeyId),
  access: (context, target) => [onInstanceKey(context, "kms:GenerateMac", target)],
  handle(context, { Message: message }, { key }) {
    assertUsable(key.status);
    // No algorithm is asked for.
    assertCapable(key, "mac", KEY_SPECS[key.spec].mac[0] ?? "");
    const version = initialVersion(key);
    context.note({ keyVersionId: version.identity.versionId });
    const { keystore } = context.custody;
    return proceed(
      bytesOnce(context, version, (stored) => keystore.mac(stored, message)),
      (Signature) => ({ result: { KeyId: key.id, Signature } }),
    );
  },
});
