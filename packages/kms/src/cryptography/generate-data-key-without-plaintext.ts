import { defineOperation, optionalMap, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { assertSource, sourceArn } from "../parameters/source-arn.ts";
import { dataKeyLength, dataKeyParameters, newDataKey } from "./data-key.ts";
import { encryptionContext } from "./encryption-context.ts";
import { assertSymmetricKey } from "./key-capability.ts";
import { sealText } from "./seal.ts";

export const generateDataKeyWithoutPlaintext = defineOperation({
  ...kms,
  name: "GenerateDataKeyWithoutPlaintext",
  summary: "Makes a data key and gives it encrypted under a key's primary version only.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    ...dataKeyParameters,
    EncryptionContext: optionalMap({
      schema: encryptionContext,
      description: "A JSON object of strings, without which the data key cannot be decrypted.",
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
  async target(context, parameters) {
    assertSource(context, parameters.SourceArn);
    const lengthBytes = dataKeyLength(parameters);
    return { ...(await findKey(context, parameters.KeyId, { alias: true, arn: true })), lengthBytes };
  },
  access: (context, target) => [onKey(context, "kms:GenerateDataKeyWithoutPlaintext", target)],
  async handle(context, { EncryptionContext }, { key, lengthBytes }) {
    assertUsable(key.status);
    assertSymmetricKey(key);
    const text = newDataKey(lengthBytes);
    const blob = await sealText(context, key, { text, encryptionContext: EncryptionContext });
    return { result: { KeyId: key.id, KeyVersionId: key.primaryVersionId, CiphertextBlob: blob } };
  },
});
