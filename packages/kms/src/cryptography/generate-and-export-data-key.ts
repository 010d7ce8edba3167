import { randomBytes } from "node:crypto";
import { SecretBytes } from "@cinnabar/crypto";
import { defineOperation, invalidParameter, OncePerCall, optionalMap, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { dataKeyLength, dataKeyParameters } from "./data-key.ts";
import { encryptionContext } from "./encryption-context.ts";
import { exportTo, exportParameters, toReceiver } from "./exported-data-key.ts";
import { assertSymmetricKey } from "./key-capability.ts";
import { sealText } from "./seal.ts";

/** A data key in base64, as it is encrypted under a key, and the same one as its receiver gets it. */
interface ExportedDataKey {
  readonly text: string;
  readonly exported: string;
}

/** What is sealed in one evaluation of a call must be what was exported in another. */
const dataKeys = new OncePerCall<ExportedDataKey>();

export const generateAndExportDataKey = defineOperation({
  ...kms,
  name: "GenerateAndExportDataKey",
  summary:
    "Makes a data key and gives it encrypted twice: under a key's primary version, and with somebody's public key.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
    ...dataKeyParameters,
    EncryptionContext: optionalMap({
      schema: encryptionContext,
      description: "A JSON object of strings, without which the data key cannot be decrypted.",
    }),
    ...exportParameters,
  },
  result: z.object({
    KeyId: z.string(),
    KeyVersionId: z.string(),
    CiphertextBlob: z.string(),
    ExportedDataKey: z.string(),
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
    "Rejected.Throttling",
  ],
  async target(context, values) {
    const lengthBytes = dataKeyLength(values);
    const receiver = toReceiver(values);
    const { algorithm, maxBytes } = receiver;
    if (lengthBytes > maxBytes) {
      throw invalidParameter("NumberOfBytes", `${algorithm} wraps a data key of ${maxBytes} bytes at most.`);
    }
    return { ...(await findKey(context, values.KeyId, { alias: true, arn: true })), lengthBytes, receiver };
  },
  access: (context, target) => [onKey(context, "kms:GenerateAndExportDataKey", target)],
  async handle(context, { EncryptionContext }, { key, lengthBytes, receiver }) {
    assertUsable(key.status);
    assertSymmetricKey(key);
    const { accountId } = key;
    const { text, exported } = await dataKeys.run(context, key.id, async () => {
      using dataKey = new SecretBytes(randomBytes(lengthBytes));
      const exported = await exportTo(context, receiver, { dataKey: dataKey.bytes, accountId });
      return { text: dataKey.bytes.toString("base64"), exported };
    });
    const blob = await sealText(context, key, { text, encryptionContext: EncryptionContext });
    return {
      result: { KeyId: key.id, KeyVersionId: key.primaryVersionId, CiphertextBlob: blob, ExportedDataKey: exported },
    };
  },
});
