import { defineOperation, optional, optionalMap, required, unsupportedParameter } from "@cinnabar/kernel";
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

export const generateDataKey = defineOperation({
  ...kms,
  name: "GenerateDataKey",
  summary: "Makes a data key and gives it both in plaintext and encrypted under a key's primary version.",
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
    Recipient: optional({ schema: z.string(), description: "For whom to encrypt the answer. Not served yet." }),
  },
  result: z.object({
    KeyId: z.string(),
    KeyVersionId: z.string(),
    Plaintext: z.string(),
    CiphertextBlob: z.string(),
  }),
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
    if (parameters.Recipient !== undefined) throw unsupportedParameter("Recipient");
    return { ...(await findKey(context, parameters.KeyId, { alias: true, arn: true })), lengthBytes };
  },
  access: (context, target) => [onKey(context, "kms:GenerateDataKey", target)],
  async handle(context, { EncryptionContext }, { key, lengthBytes }) {
    assertUsable(key.status);
    assertSymmetricKey(key);
    const text = newDataKey(lengthBytes);
    const blob = await sealText(context, key, { text, encryptionContext: EncryptionContext });
    return {
      result: { KeyId: key.id, KeyVersionId: key.primaryVersionId, Plaintext: text, CiphertextBlob: blob },
    };
  },
});
