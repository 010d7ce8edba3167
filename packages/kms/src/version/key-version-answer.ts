import type { KeyId, KeyVersionId } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { KeyVersion } from "../key/key-version.ts";

/** What the API tells about a key version. */
export const keyVersionAnswer = z.object({
  KeyId: z.string(),
  KeyVersionId: z.string(),
  CreationDate: z.string(),
  /** Of a version whose material is imported, whether it is there: `Imported` or `PendingImport`. */
  KeyMaterialState: z.string().optional(),
  /** Of imported material that expires. */
  MaterialExpireTime: z.string().optional(),
});

export function toKeyVersionAnswer(
  keyId: KeyId,
  { id, createdAt }: { readonly id: KeyVersionId; readonly createdAt: number },
): z.infer<typeof keyVersionAnswer> {
  return { KeyId: keyId, KeyVersionId: id, CreationDate: formatInstant(createdAt) };
}

/** What the API tells about a version that is there. */
export function describeVersion({ identity, createdAt, imported }: KeyVersion): z.infer<typeof keyVersionAnswer> {
  return {
    ...toKeyVersionAnswer(identity.keyId, { id: identity.versionId, createdAt }),
    ...(identity.origin === "EXTERNAL" && { KeyMaterialState: imported === undefined ? "PendingImport" : "Imported" }),
    ...(imported?.expiresAt !== undefined && { MaterialExpireTime: formatInstant(imported.expiresAt) }),
  };
}
