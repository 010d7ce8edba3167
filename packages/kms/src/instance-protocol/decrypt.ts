import { DecryptionError } from "@cinnabar/crypto";
import {
  type ApiError,
  attempt,
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  MAX_ASYMMETRIC_CIPHERTEXT_BYTES,
  missingParameter,
  optional,
  type ParameterValues,
  type Plan,
  proceed,
  required,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { assertCapable, assertSymmetricKey } from "../cryptography/key-capability.ts";
import { bytesOnce } from "../cryptography/key-work.ts";
import type { KeyTarget } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { type AdvanceBlob, decodeAdvanceBlob } from "./advance-blob.ts";
import { encryptionAlgorithm, toPairAlgorithm } from "./encryption-algorithm.ts";
import { aad, assertGcm, GCM_IV_BYTES, gcmAlgorithm, openGcm } from "./gcm.ts";
import { instanceApi, MAX_FIELD_BYTES } from "./instance-api.ts";
import {
  findInstanceKey,
  findInstanceKeyOfVersion,
  keyVersionId,
  namedVersion,
  onInstanceKey,
} from "./instance-key.ts";
import { noPadding } from "./no-padding.ts";

const parameters = {
  CiphertextBlob: required({
    schema: base64Bytes({ max: MAX_FIELD_BYTES }),
    audit: "omit",
    description: "The ciphertext.",
  }),
  KeyId: optional({
    schema: keyReference,
    description:
      "The key's id, or an alias of it. A ciphertext of the Advance operations says it by itself, and so does KeyVersionId.",
  }),
  KeyVersionId: keyVersionId,
  Algorithm: optional({
    schema: encryptionAlgorithm,
    description: "How it was encrypted, if not as the key's spec does.",
  }),
  Aad: aad,
  Iv: optional({
    // Clients send more than that with ciphertexts of the Advance operations, where nothing asks for it.
    schema: base64Bytes({ max: MAX_FIELD_BYTES }),
    description: `The ${GCM_IV_BYTES} bytes of the initial vector that it was encrypted with. A ciphertext of the Advance operations has it by itself.`,
  }),
  PaddingMode: noPadding,
};

/** What is to be decrypted: `sealed` if the ciphertext says itself how. */
interface DecryptTarget extends KeyTarget {
  readonly sealed: AdvanceBlob | undefined;
}

/** What both answer; `KeyVersionId` by AdvanceDecrypt. */
interface Decrypted {
  readonly KeyId: string;
  readonly Plaintext: string;
  readonly Algorithm: string;
  readonly KeyVersionId?: string;
}

/** Decrypt and AdvanceDecrypt. */
export const decryptOperations: readonly DeclaredOperation[] = [declare("Decrypt"), declare("AdvanceDecrypt")];

function declare(name: "Decrypt" | "AdvanceDecrypt"): DeclaredOperation {
  const isAdvance = name === "AdvanceDecrypt";
  return defineOperation({
    ...instanceApi,
    name,
    summary: isAdvance
      ? "Decrypts what an Advance operation encrypted, or Encrypt and the like under a symmetric key."
      : "Decrypts what Encrypt, GenerateDataKey or GenerateDataKeyPair encrypted.",
    kind: "crypto",
    readWrite: "Read",
    parameters,
    result: z.object({
      KeyId: z.string(),
      Plaintext: z.string(),
      Algorithm: z.string(),
      PaddingMode: z.string().optional(),
      ...(isAdvance && { KeyVersionId: z.string() }),
    }),
    recordedResult: [],
    errors: [
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
      "Forbidden.KeyVersionNotFound",
      "Rejected.UnsupportedOperation",
      "UnsupportedOperation",
      "Rejected.Disabled",
      "Rejected.PendingDeletion",
      "Rejected.PendingImport",
      "Rejected.Throttling",
    ],
    async target(context, values): Promise<DecryptTarget> {
      const sealed = isAdvance ? decodeAdvanceBlob(values.CiphertextBlob) : undefined;
      if (sealed === undefined && values.KeyId !== undefined) {
        return { ...(await findInstanceKey(context, values.KeyId)), sealed };
      }
      const versionId = sealed?.versionId ?? values.KeyVersionId;
      if (versionId === undefined) throw missingParameter("KeyId");
      return { ...(await findInstanceKeyOfVersion(context, versionId)), sealed };
    },
    access: (context, target) => [onInstanceKey(context, "kms:Decrypt", target)],
    async handle(context, values, { key, sealed }): Promise<Plan<Decrypted>> {
      if (sealed !== undefined) await assertNamed(context, values, { key, versionId: sealed.versionId });
      assertUsable(key.status);
      if (!isAdvance && KEY_SPECS[key.spec].family !== "symmetric") return decryptWithPair(context, values, key);
      assertSymmetricKey(key);
      assertGcm(key.spec, values.Algorithm);
      const version = namedVersion(context, key, sealed?.versionId ?? values.KeyVersionId);
      const { versionId } = version.identity;
      const iv = sealed?.iv ?? readIv(values.Iv);
      const box = sealed?.box ?? values.CiphertextBlob;
      const ivSource = sealed && "random";
      const Plaintext = await openGcm(context, version, { iv, ivSource, box, aad: values.Aad });
      return {
        result: {
          KeyId: key.id,
          Plaintext,
          Algorithm: gcmAlgorithm(key.spec),
          ...(isAdvance && { KeyVersionId: versionId }),
        },
      };
    },
  });
}

function decryptWithPair(
  context: RequestContext,
  { CiphertextBlob: ciphertext, KeyVersionId, Algorithm }: ParameterValues<typeof parameters>,
  key: KeyTarget["key"],
) {
  const algorithm = toPairAlgorithm(Algorithm, key.spec);
  assertCapable(key, "encryption", algorithm);
  if (ciphertext.length > MAX_ASYMMETRIC_CIPHERTEXT_BYTES) throw notDecrypted();
  const version = namedVersion(context, key, KeyVersionId);
  const { keystore } = context.custody;
  const opened = attempt(
    () => bytesOnce(context, version, (stored) => keystore.decrypt(stored, algorithm, ciphertext)),
    (error): never => {
      if (!(error instanceof DecryptionError)) throw error;
      throw notDecrypted();
    },
  );
  return proceed(opened, (Plaintext) => ({ result: { KeyId: key.id, Plaintext, Algorithm: algorithm } }));
}

/** Refuses a ciphertext that says itself what it is of, where the call says otherwise. */
async function assertNamed(
  context: RequestContext,
  { KeyId, KeyVersionId }: ParameterValues<typeof parameters>,
  { key, versionId }: { readonly key: KeyTarget["key"]; readonly versionId: string },
): Promise<void> {
  if (KeyId !== undefined) {
    const named = await findInstanceKey(context, KeyId);
    if (named.key.id !== key.id) throw invalidParameter("KeyId", "The ciphertext is one of another key.");
  }
  if (KeyVersionId !== undefined && KeyVersionId !== versionId) {
    throw invalidParameter("KeyVersionId", "The ciphertext is one of another key version.");
  }
}

function readIv(iv: Uint8Array | undefined): Uint8Array {
  if (iv === undefined) throw missingParameter("Iv");
  if (iv.length === GCM_IV_BYTES) return iv;
  throw invalidParameter("Iv", `It must be the base64 of ${GCM_IV_BYTES} bytes.`);
}

/** Whatever is wrong with a ciphertext, its length included: what tells more helps to decrypt. */
function notDecrypted(): ApiError {
  return invalidParameter("CiphertextBlob", "It is not what the key's public key gives by the algorithm.");
}
