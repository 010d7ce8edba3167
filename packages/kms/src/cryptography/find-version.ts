import { ApiError, type RequestContext } from "@cinnabar/kernel";
import { findLivingKey, type KeyTarget, toTarget } from "../key/find-key.ts";
import { ownerKind } from "../key/key-repository.ts";
import type { KeyVersion } from "../key/key-version.ts";

/** The key version that a ciphertext names. */
export interface VersionTarget extends KeyTarget {
  readonly version: KeyVersion;
}

/**
 * Finds the key version of a ciphertext, whichever account it belongs to.
 *
 * @param role - what its key is in the call, beside the one that it is about.
 * @throws {@link ApiError} `Forbidden.KeyNotFound`.
 */
export async function findVersion(context: RequestContext, versionId: string, role?: "source"): Promise<VersionTarget> {
  const owner = await context.find(ownerKind, versionId);
  const key = owner && (await findLivingKey(context, owner.keyId));
  const version = owner && key?.versions.get(owner.versionId);
  if (key === undefined || version === undefined) throw new ApiError("Forbidden.KeyNotFound");
  const noted = { keyVersionId: version.identity.versionId, ...(role !== undefined && { role }) };
  return { ...(await toTarget(context, key, { hiddenAs: "Forbidden.KeyNotFound", noted })), version };
}
