import { ApiError, defineOperation, oneOf, optional, optionalMap, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { ENCRYPTION_ALGORITHMS } from "./asymmetric-algorithms.ts";
import { anyCiphertext } from "./ciphertext-blob.ts";
import { encryptionContext } from "./encryption-context.ts";
import { encryptAnew, findSource, toSource } from "./re-encrypt-source.ts";

export const reEncrypt = defineOperation({
  ...kms,
  name: "ReEncrypt",
  summary: "Decrypts a ciphertext and encrypts it under another key, or another version or context, in one step.",
  kind: "crypto",
  throttlingClass: "ReEncrypt",
  readWrite: "Read",
  parameters: {
    CiphertextBlob: required({
      schema: anyCiphertext,
      audit: "omit",
      description:
        "The ciphertext, as Encrypt or GenerateDataKey gave it; with SourceEncryptionAlgorithm the base64 of what was encrypted with a public key.",
    }),
    SourceEncryptionContext: optionalMap({
      schema: encryptionContext,
      description:
        "The same JSON object of strings as when it was encrypted, in any order. With a public key there is none.",
    }),
    SourceKeyId: optional({
      schema: keyReference,
      description:
        "The id of the key that it was encrypted under. Needed with SourceEncryptionAlgorithm: other ciphertexts say so themselves.",
    }),
    SourceKeyVersionId: optional({
      schema: z.string(),
      description:
        "The id of the key version that it was encrypted under. Needed with SourceEncryptionAlgorithm: other ciphertexts say so themselves.",
    }),
    SourceEncryptionAlgorithm: optional({
      schema: oneOf(ENCRYPTION_ALGORITHMS),
      description: "How it was encrypted, if with a public key.",
    }),
    DestinationKeyId: required({ schema: keyReference, description: "The id of the key to encrypt it under." }),
    DestinationEncryptionContext: optionalMap({
      schema: encryptionContext,
      description: "A JSON object of strings, without which the result cannot be decrypted.",
    }),
  },
  // As with Encrypt, the ids are of the key that the new ciphertext is encrypted under: it alone can decrypt that.
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), CiphertextBlob: z.string() }),
  recordedResult: ["KeyVersionId"],
  errors: [
    "UnsupportedOperation",
    "Rejected.UnsupportedOperation",
    "Forbidden.KeyNotFound",
    "Forbidden.KeyVersionNotFound",
    "Unsupported.Alias",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
    "Rejected.LimitExceeded",
    "Rejected.Throttling",
  ],
  async target(context, values) {
    // What is wrong with the parameters is said before anything is looked up, or it would tell whether somebody else's
    // ciphertext has its key.
    const named = toSource(values);
    if (values.DestinationKeyId.names === "alias") throw new ApiError("Unsupported.Alias");
    // The destination is the caller's own, so its event says it: before the source, be there one or not.
    const destination = await findKey(context, values.DestinationKeyId, { alias: false, arn: false });
    const source = await findSource(context, named);
    return { source, destination };
  },
  access: (context, { source, destination }) => [
    onKey(context, "kms:ReEncryptFrom", source),
    onKey(context, "kms:ReEncryptTo", destination),
  ],
  async handle(context, values, { source, destination: { key } }) {
    const destination = { key, encryptionContext: values.DestinationEncryptionContext };
    const blob = await encryptAnew(context, source, destination);
    return { result: { KeyId: key.id, KeyVersionId: key.primaryVersionId, CiphertextBlob: blob } };
  },
});
