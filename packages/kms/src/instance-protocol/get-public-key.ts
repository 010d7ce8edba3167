import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { assertPair } from "../cryptography/key-capability.ts";
import { publicKeyOf } from "../cryptography/key-work.ts";
import { instanceApi } from "./instance-api.ts";
import { findInstanceKey, keyId, keyVersionId, namedVersion, onInstanceKey } from "./instance-key.ts";
import { encodePem } from "./pem.ts";

export const getPublicKey = defineOperation({
  ...instanceApi,
  name: "GetPublicKey",
  summary: "Gives the public key of a pair.",
  kind: "crypto",
  throttlingClass: "read",
  readWrite: "Read",
  parameters: { KeyId: keyId, KeyVersionId: keyVersionId },
  result: z.object({ KeyId: z.string(), PublicKey: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Forbidden.KeyVersionNotFound",
    "Rejected.UnsupportedOperation",
  ],
  target: (context, { KeyId }) => findInstanceKey(context, KeyId),
  access: (context, target) => [onInstanceKey(context, "kms:GetPublicKey", target)],
  handle(context, { KeyVersionId }, { key }) {
    assertPair(key.spec);
    const version = namedVersion(context, key, KeyVersionId);
    const PublicKey = encodePem("PUBLIC KEY", publicKeyOf(version).spki).toString("latin1");
    return { result: { KeyId: key.id, PublicKey } };
  },
});
