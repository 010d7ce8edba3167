import { defineOperation, OncePerCall, optionalMap, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { ciphertextBlob } from "./ciphertext-blob.ts";
import { encryptionContext } from "./encryption-context.ts";
import { exportTo, exportParameters, readDataKey, toReceiver } from "./exported-data-key.ts";
import { findVersion } from "./find-version.ts";
import { assertSymmetricKey } from "./key-capability.ts";
import { openText } from "./seal.ts";

const exports = new OncePerCall<string>();

export const exportDataKey = defineOperation({
  ...kms,
  name: "ExportDataKey",
  summary: "Decrypts a data key and gives it encrypted with somebody's public key, so that nobody else sees it.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    CiphertextBlob: required({
      schema: ciphertextBlob,
      audit: "omit",
      description: "The data key's ciphertext, as GenerateDataKey gave it.",
    }),
    EncryptionContext: optionalMap({
      schema: encryptionContext,
      description: "The same JSON object of strings as when it was encrypted, in any order.",
    }),
    ...exportParameters,
  },
  result: z.object({ KeyId: z.string(), KeyVersionId: z.string(), ExportedDataKey: z.string() }),
  recordedResult: ["KeyVersionId"],
  errors: [
    "UnsupportedOperation",
    "Forbidden.KeyNotFound",
    "Rejected.Disabled",
    "Rejected.PendingDeletion",
    "Rejected.PendingImport",
    "Rejected.Throttling",
  ],
  async target(context, values) {
    const receiver = toReceiver(values);
    return { ...(await findVersion(context, values.CiphertextBlob.versionId)), receiver };
  },
  access: (context, target) => [onKey(context, "kms:ExportDataKey", target)],
  async handle(context, { CiphertextBlob: { box }, EncryptionContext }, { key, version, receiver }) {
    assertUsable(key.status);
    assertSymmetricKey(key);
    const text = await openText(context, version, { box, encryptionContext: EncryptionContext });
    using dataKey = readDataKey(text, receiver);
    const { versionId, accountId } = version.identity;
    const exported = await exports.run(context, versionId, () =>
      exportTo(context, receiver, { dataKey: dataKey.bytes, accountId }),
    );
    return { result: { KeyId: key.id, KeyVersionId: versionId, ExportedDataKey: exported } };
  },
});
