import { randomBytes } from "node:crypto";
import { SecretBytes } from "@cinnabar/crypto";
import { type DeclaredOperation, defineOperation, integerText, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { assertSymmetricKey } from "../cryptography/key-capability.ts";
import { assertUsable } from "../key/key.ts";
import { encodeAdvanceBlob } from "./advance-blob.ts";
import { encryptionAlgorithm } from "./encryption-algorithm.ts";
import { aad, assertGcm, gcmAlgorithm, sealGcm } from "./gcm.ts";
import { instanceApi } from "./instance-api.ts";
import { findInstanceKey, initialVersion, keyId, onInstanceKey } from "./instance-key.ts";
import { toText } from "./to-text.ts";

/** Lengths of a data key, in bytes (KMS Instance API, "GenerateDataKey"). */
const DATA_KEY_BYTES = { min: 1, max: 1024, default: 32 } as const;

/** GenerateDataKey and AdvanceGenerateDataKey. */
export const dataKeyOperations: readonly DeclaredOperation[] = [
  declare("GenerateDataKey"),
  declare("AdvanceGenerateDataKey"),
];

function declare(name: "GenerateDataKey" | "AdvanceGenerateDataKey"): DeclaredOperation {
  const isAdvance = name === "AdvanceGenerateDataKey";
  return defineOperation({
    ...instanceApi,
    name,
    summary: isAdvance
      ? "Makes a data key, encrypted under a key's primary version into a ciphertext that says which one."
      : "Makes a data key, encrypted under a key's initial version: the caller keeps Iv, Algorithm and Aad.",
    kind: "crypto",
    readWrite: "Read",
    parameters: {
      KeyId: keyId,
      ...(isAdvance ? {} : { Algorithm: optional({ schema: encryptionAlgorithm, description: "How to encrypt it." }) }),
      NumberOfBytes: optional({
        schema: integerText(DATA_KEY_BYTES),
        description: `The data key's length in bytes, from ${DATA_KEY_BYTES.min} to ${DATA_KEY_BYTES.max}; ${DATA_KEY_BYTES.default} by default.`,
      }),
      Aad: aad,
    },
    result: z.object({
      KeyId: z.string(),
      Iv: z.string(),
      Plaintext: z.string(),
      CiphertextBlob: z.string(),
      Algorithm: z.string(),
      ...(isAdvance && { KeyVersionId: z.string() }),
    }),
    recordedResult: isAdvance ? ["KeyVersionId"] : [],
    errors: [
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
      "UnsupportedOperation",
      "Rejected.Disabled",
      "Rejected.PendingDeletion",
      "Rejected.PendingImport",
      "Rejected.LimitExceeded",
    ],
    target: (context, { KeyId }) => findInstanceKey(context, KeyId),
    access: (context, target) => [onInstanceKey(context, "kms:GenerateDataKey", target)],
    async handle(context, { Algorithm, NumberOfBytes = DATA_KEY_BYTES.default, Aad }, { key }) {
      assertUsable(key.status);
      assertSymmetricKey(key);
      assertGcm(key.spec, Algorithm);
      const version = isAdvance ? key.primaryVersion : initialVersion(key);
      const { versionId } = version.identity;
      context.note({ keyVersionId: versionId });
      using plaintext = new SecretBytes(randomBytes(NumberOfBytes));
      const { iv, box } = await sealGcm(context, version, { plaintext: plaintext.bytes, aad: Aad });
      return {
        result: {
          KeyId: key.id,
          Iv: toText(iv),
          Plaintext: toText(plaintext.bytes),
          CiphertextBlob: toText(isAdvance ? encodeAdvanceBlob({ versionId, iv, box }) : box),
          Algorithm: gcmAlgorithm(key.spec),
          ...(isAdvance && { KeyVersionId: versionId }),
        },
      };
    },
  });
}
