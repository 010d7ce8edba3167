import { defineOperation, optionalMap, proceed, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { assertSource, sourceArn } from "../parameters/source-arn.ts";
import { encryptionContext } from "./encryption-context.ts";
import { assertSymmetricKey } from "./key-capability.ts";
import { MAX_PLAINTEXT_BYTES, plaintextText } from "./plaintext.ts";
import { sealText } from "./seal.ts";

export const encrypt = defineOperation({
  ...kms,
  name: "Encrypt",
  summary: "Encrypts up to 6 KiB of data under a key's primary version.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    Plaintext: required({
      schema: plaintextText,
      audit: "omit",
      description: `What to encrypt: the base64 of at most ${MAX_PLAINTEXT_BYTES} bytes, or other text of as many bytes.`,
    }),
    EncryptionContext: optionalMap({
      schema: encryptionContext,
      description: "A JSON object of strings, without which the result cannot be decrypted.",
    }),
    SourceArn: sourceArn,
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), CiphertextBlob: z.string() }),
  recordedResult: ["KeyVersionId"],
  errors: [
    "UnsupportedOperation",
    "Forbidden.KeyNotFound",
    "Forbidden.AliasNotFound",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
    "Rejected.LimitExceeded",
  ],
  target(context, { KeyId, SourceArn }) {
    assertSource(context, SourceArn);
    return findKey(context, KeyId, { alias: true, arn: true });
  },
  access: (context, target) => [onKey(context, "kms:Encrypt", target)],
  handle(context, { Plaintext: text, EncryptionContext }, { key }) {
    assertUsable(key.status);
    assertSymmetricKey(key);
    return proceed(sealText(context, key, { text, encryptionContext: EncryptionContext }), (blob) => ({
      result: { KeyId: key.id, KeyVersionId: key.primaryVersionId, CiphertextBlob: blob },
    }));
  },
});
