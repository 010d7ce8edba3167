import {
  ApiError,
  defineOperation,
  invalidParameter,
  missingParameter,
  optional,
  optionalMap,
  type ParameterValues,
  required,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { oneOf } from "../parameters/one-of.ts";
import { unsupported } from "../parameters/unsupported.ts";
import { ciphertextBlob } from "./ciphertext-blob.ts";
import { encryptionContext } from "./encryption-context.ts";
import { findVersion, type VersionTarget } from "./find-version.ts";
import { resealBox } from "./seal.ts";

const parameters = {
  CiphertextBlob: required({
    schema: ciphertextBlob,
    audit: "omit",
    description: "The ciphertext, as Encrypt or GenerateDataKey gave it.",
  }),
  SourceEncryptionContext: optionalMap({
    schema: encryptionContext,
    description: "The same JSON object of strings as when it was encrypted, in any order.",
  }),
  SourceKeyId: optional({
    schema: keyReference,
    description: "The id of the key that it was encrypted under. The ciphertext says so itself.",
  }),
  SourceKeyVersionId: optional({
    schema: z.string(),
    description: "The id of the key version that it was encrypted under. The ciphertext says so itself.",
  }),
  SourceEncryptionAlgorithm: optional({
    schema: oneOf(["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE"]),
    description: "How it was encrypted, if with a public key. Not served yet.",
  }),
  DestinationKeyId: required({ schema: keyReference, description: "The id of the key to encrypt it under." }),
  DestinationEncryptionContext: optionalMap({
    schema: encryptionContext,
    description: "A JSON object of strings, without which the result cannot be decrypted.",
  }),
};

export const reEncrypt = defineOperation({
  ...kms,
  name: "ReEncrypt",
  summary: "Decrypts a ciphertext and encrypts it under another key, or another version or context, in one step.",
  kind: "crypto",
  throttlingClass: "ReEncrypt",
  readWrite: "Read",
  parameters,
  // As with Encrypt, the ids are of the key that the new ciphertext is encrypted under: it alone can decrypt that.
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), CiphertextBlob: z.string() }),
  recordedResult: ["KeyVersionId"],
  errors: [
    "UnsupportedOperation",
    "Forbidden.KeyNotFound",
    "Unsupported.Alias",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
  ],
  async target(context, values) {
    assertSymmetric(values);
    // Both are said before anything is looked up, or they would tell whether somebody else's ciphertext has its key.
    if (values.SourceKeyId?.names === "alias") throw new ApiError("Unsupported.Alias");
    if (values.DestinationKeyId.names === "alias") throw new ApiError("Unsupported.Alias");
    const { versionId } = values.CiphertextBlob;
    // The destination is the caller's own, so its event says it: before the source, be there one or not.
    const destination = await findKey(context, values.DestinationKeyId, { alias: false, arn: false });
    const source = await findVersion(context, versionId, "source");
    return { source, destination };
  },
  access: (context, { source, destination }) => [
    onKey(context, "kms:ReEncryptFrom", source),
    onKey(context, "kms:ReEncryptTo", destination),
  ],
  async handle(context, values, { source, destination: { key } }) {
    const { CiphertextBlob, SourceEncryptionContext, DestinationEncryptionContext } = values;
    assertNamed(values, source);
    assertUsable(source.key.status);
    assertUsable(key.status);
    const { version } = source;
    const blob = await resealBox(
      context,
      { version, box: CiphertextBlob.box, encryptionContext: SourceEncryptionContext },
      { key, encryptionContext: DestinationEncryptionContext },
    );
    return { result: { KeyId: key.id, KeyVersionId: key.primaryVersionId, CiphertextBlob: blob } };
  },
});

/**
 * Refuses a ciphertext that was made with a public key, as its algorithm says.
 *
 * @throws {@link ApiError} `UnsupportedOperation`, or `MissingParameter` for what would be needed then.
 */
function assertSymmetric(values: ParameterValues<typeof parameters>): void {
  if (values.SourceEncryptionAlgorithm === undefined) return;
  for (const name of ["SourceKeyId", "SourceKeyVersionId"] as const) {
    if (values[name] === undefined) throw missingParameter(name);
  }
  throw unsupported("SourceEncryptionAlgorithm");
}

/**
 * Refuses a source that is not the ciphertext's own. Told only to somebody who may use that.
 *
 * @throws {@link ApiError} `InvalidParameter`.
 */
function assertNamed(
  { SourceKeyId: named, SourceKeyVersionId: versionId }: ParameterValues<typeof parameters>,
  { key, version }: VersionTarget,
): void {
  if (named !== undefined && (named.place !== undefined || named.name !== key.id)) {
    throw invalidParameter("SourceKeyId", "It must be the id of the key that the ciphertext was encrypted under.");
  }
  if (versionId !== undefined && versionId !== version.identity.versionId) {
    const advice = "It must be the id of the key version that the ciphertext was encrypted under.";
    throw invalidParameter("SourceKeyVersionId", advice);
  }
}
