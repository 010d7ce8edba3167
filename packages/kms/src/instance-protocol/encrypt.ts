import {
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  optional,
  type Plan,
  proceed,
  required,
} from "@cinnabar/kernel";
import { z } from "zod";
import { maxPlaintextBytes } from "../cryptography/asymmetric-algorithms.ts";
import { assertCapable, assertSymmetricKey } from "../cryptography/key-capability.ts";
import { publicBytesOnce } from "../cryptography/key-work.ts";
import { assertUsable } from "../key/key.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { encodeAdvanceBlob } from "./advance-blob.ts";
import { encryptionAlgorithm, toPairAlgorithm } from "./encryption-algorithm.ts";
import { aad, assertGcm, GCM_IV_BYTES, gcmAlgorithm, sealGcm } from "./gcm.ts";
import { instanceApi, MAX_FIELD_BYTES } from "./instance-api.ts";
import { findInstanceKey, keyId, keyVersionId, namedVersion, onInstanceKey } from "./instance-key.ts";
import { noPadding } from "./no-padding.ts";
import { toText } from "./to-text.ts";

/** What both answer; `Iv` by symmetric keys, `KeyVersionId` by AdvanceEncrypt. */
interface Encrypted {
  readonly KeyId: string;
  readonly CiphertextBlob: string;
  readonly Iv?: string;
  readonly Algorithm: string;
  readonly KeyVersionId?: string;
}

/** Encrypt and AdvanceEncrypt. */
export const encryptOperations: readonly DeclaredOperation[] = [declare("Encrypt"), declare("AdvanceEncrypt")];

function declare(name: "Encrypt" | "AdvanceEncrypt"): DeclaredOperation {
  const isAdvance = name === "AdvanceEncrypt";
  return defineOperation({
    ...instanceApi,
    name,
    summary: isAdvance
      ? "Encrypts data under a symmetric key's primary version, into a ciphertext that says which one."
      : "Encrypts data under a key's initial version, or the one named: the caller keeps Iv, Algorithm and Aad.",
    kind: "crypto",
    readWrite: "Read",
    parameters: {
      KeyId: keyId,
      ...(isAdvance ? {} : { KeyVersionId: keyVersionId }),
      Plaintext: required({
        schema: base64Bytes({ max: MAX_FIELD_BYTES }),
        audit: "omit",
        description: "What to encrypt. More than 6 KB are better encrypted under a data key.",
      }),
      Algorithm: optional({
        schema: encryptionAlgorithm,
        description: "How to encrypt: by default as the key's spec does, RSAES_OAEP_SHA_256 for RSA.",
      }),
      Aad: aad,
      Iv: optional({
        schema: base64Bytes({ min: GCM_IV_BYTES, max: GCM_IV_BYTES }),
        description: isAdvance
          ? "Refused: the ciphertext has a random one."
          : `The ${GCM_IV_BYTES} bytes of the initial vector, never the same twice. Random by default, which is better; a vector of the caller's takes the right to decrypt.`,
      }),
      PaddingMode: noPadding,
    },
    result: z.object({
      KeyId: z.string(),
      CiphertextBlob: z.string(),
      Iv: z.string().optional(),
      Algorithm: z.string(),
      PaddingMode: z.string().optional(),
      ...(isAdvance && { KeyVersionId: z.string() }),
    }),
    recordedResult: isAdvance ? ["KeyVersionId"] : [],
    errors: [
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
      ...(isAdvance ? [] : (["Forbidden.KeyVersionNotFound"] as const)),
      "Rejected.UnsupportedOperation",
      "UnsupportedOperation",
      "Rejected.Disabled",
      "Rejected.PendingDeletion",
      "Rejected.PendingImport",
      "Rejected.LimitExceeded",
      "Rejected.Throttling",
    ],
    target(context, { KeyId, Iv }) {
      if (isAdvance && Iv !== undefined) throw invalidParameter("Iv", `${name} takes none: it draws a random one.`);
      return proceed(findInstanceKey(context, KeyId), (target) => ({ ...target, choosesIv: Iv !== undefined }));
    },
    // Who chooses an IV that was used before learns what it was used for.
    access: (context, target) => [
      onInstanceKey(context, "kms:Encrypt", target),
      ...(target.choosesIv ? [onInstanceKey(context, "kms:Decrypt", target)] : []),
    ],
    handle(context, values, { key }): Plan<Encrypted> | Promise<Plan<Encrypted>> {
      const { KeyVersionId, Plaintext: plaintext, Algorithm, Aad, Iv } = values;
      assertUsable(key.status);
      if (isAdvance || KEY_SPECS[key.spec].family === "symmetric") {
        assertSymmetricKey(key);
        assertGcm(key.spec, Algorithm);
        const version = isAdvance ? key.primaryVersion : namedVersion(context, key, KeyVersionId);
        const { versionId } = version.identity;
        context.note({ keyVersionId: versionId });
        return proceed(sealGcm(context, version, { plaintext, aad: Aad, iv: Iv }), ({ iv, box }) => ({
          result: {
            KeyId: key.id,
            CiphertextBlob: toText(isAdvance ? encodeAdvanceBlob({ versionId, iv, box }) : box),
            Iv: toText(iv),
            Algorithm: gcmAlgorithm(key.spec),
            ...(isAdvance && { KeyVersionId: versionId }),
          },
        }));
      }
      const algorithm = toPairAlgorithm(Algorithm, key.spec);
      assertCapable(key, "encryption", algorithm);
      const most = maxPlaintextBytes(key.spec, algorithm);
      if (plaintext.length > most) {
        throw invalidParameter(
          "Plaintext",
          `A key of the spec ${key.spec} encrypts at most ${most} bytes by ${algorithm}.`,
        );
      }
      const version = namedVersion(context, key, KeyVersionId);
      const { keystore } = context.custody;
      return proceed(
        publicBytesOnce(context, version, (publicKey) => keystore.encrypt(publicKey, algorithm, plaintext)),
        (CiphertextBlob) => ({ result: { KeyId: key.id, CiphertextBlob, Algorithm: algorithm } }),
      );
    },
  });
}
