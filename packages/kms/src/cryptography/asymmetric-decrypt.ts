import { defineOperation, MAX_ASYMMETRIC_CIPHERTEXT_BYTES, oneOf, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { ENCRYPTION_ALGORITHMS } from "./asymmetric-algorithms.ts";
import { assertCapable } from "./key-capability.ts";
import { decryptOnce, findVersionOf } from "./key-work.ts";

export const asymmetricDecrypt = defineOperation({
  ...kms,
  name: "AsymmetricDecrypt",
  summary: "Decrypts with a private key what was encrypted with its public one, by AsymmetricEncrypt or anybody.",
  kind: "crypto",
  throttlingClass: "Asymmetric",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    KeyVersionId: required({ schema: z.string(), description: "The id of the key version that it was encrypted to." }),
    Algorithm: required({ schema: oneOf(ENCRYPTION_ALGORITHMS), description: "How it was encrypted." }),
    CiphertextBlob: required({
      schema: base64Bytes({ max: MAX_ASYMMETRIC_CIPHERTEXT_BYTES }),
      audit: "omit",
      description: "The ciphertext, in base64. SM2PKE takes both 04 ‖ C1 ‖ C3 ‖ C2 and its DER.",
    }),
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), Plaintext: z.string() }),
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
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
  access: (context, target) => [onKey(context, "kms:AsymmetricDecrypt", target)],
  handle(context, { KeyVersionId, Algorithm: algorithm, CiphertextBlob: ciphertext }, { key }) {
    const version = findVersionOf(context, key, KeyVersionId);
    assertUsable(key.status);
    assertCapable(key, "encryption", algorithm);
    return proceed(decryptOnce(context, version, { algorithm, ciphertext }), (Plaintext) => ({
      result: { KeyId: key.id, KeyVersionId: version.identity.versionId, Plaintext },
    }));
  },
});
