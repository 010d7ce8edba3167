import { ApiError, type KeyVersionId, type RequestContext } from "@cinnabar/kernel";
import { findLivingKey, type KeyTarget } from "../key/find-key.ts";
import { ownerKind, type StoredKey } from "../key/key-repository.ts";
import type { KeyVersion } from "../key/key-version.ts";

/** The key version that a ciphertext names. */
export interface VersionTarget extends KeyTarget {
  readonly version: KeyVersion;
}

/**
 * Finds the key version of a ciphertext, whichever account it belongs to.
 *
 * @param note - says in the event which key and version that is.
 * @throws {@link ApiError} `Forbidden.KeyNotFound`.
 */
export async function findVersion(
  context: RequestContext,
  versionId: string,
  note: (key: StoredKey, versionId: KeyVersionId) => void,
): Promise<VersionTarget> {
  const owner = await context.find(ownerKind, versionId);
  const key = owner && (await findLivingKey(context, owner.keyId));
  const version = owner && key?.versions.get(owner.versionId);
  if (key === undefined || version === undefined) throw new ApiError("Forbidden.KeyNotFound");
  note(key, version.identity.versionId);
  return { key, version, hiddenAs: "Forbidden.KeyNotFound" };
}
