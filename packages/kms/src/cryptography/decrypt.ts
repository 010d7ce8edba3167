import { defineOperation, optional, optionalMap, required, unsupportedParameter } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { assertSource, sourceArn } from "../parameters/source-arn.ts";
import { ciphertextBlob } from "./ciphertext-blob.ts";
import { encryptionContext } from "./encryption-context.ts";
import { findVersion } from "./find-version.ts";
import { assertSymmetricKey } from "./key-capability.ts";
import { openText } from "./seal.ts";

export const decrypt = defineOperation({
  ...kms,
  name: "Decrypt",
  summary: "Decrypts what Encrypt or GenerateDataKey gave. The ciphertext itself says under which key.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    CiphertextBlob: required({
      schema: ciphertextBlob,
      audit: "omit",
      description: "The ciphertext, as it was given.",
    }),
    EncryptionContext: optionalMap({
      schema: encryptionContext,
      description: "The same JSON object of strings as when it was encrypted, in any order.",
    }),
    SourceArn: sourceArn,
    Recipient: optional({ schema: z.string(), description: "For whom to encrypt the answer. Not served yet." }),
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), Plaintext: z.string() }),
  recordedResult: ["KeyVersionId"],
  errors: [
    "UnsupportedOperation",
    "Forbidden.KeyNotFound",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
  ],
  target(context, { CiphertextBlob: { versionId }, SourceArn, Recipient }) {
    assertSource(context, SourceArn);
    if (Recipient !== undefined) throw unsupportedParameter("Recipient");
    return findVersion(context, versionId);
  },
  access: (context, target) => [onKey(context, "kms:Decrypt", target)],
  async handle(context, { CiphertextBlob: { box }, EncryptionContext }, { key, version }) {
    assertUsable(key.status);
    assertSymmetricKey(key);
    const plaintext = await openText(context, version, { box, encryptionContext: EncryptionContext });
    return { result: { KeyId: key.id, KeyVersionId: version.identity.versionId, Plaintext: plaintext } };
  },
});
