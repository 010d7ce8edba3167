import { ApiError, ERRORS, newKeyVersionIdOf, noMaterial, type RequestContext } from "@cinnabar/kernel";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import { keyKind, type StoredKey } from "../key/key-repository.ts";
import { insertVersion } from "../version/version-repository.ts";
import type { AddedVersion } from "../version/add-version.ts";
import { waitingVersion } from "./imported-key.ts";

/**
 * Makes the next version of a key whose material is imported. It waits for its material, and the key encrypts with it once that
 * is there; until then the key works as before.
 *
 * @throws {@link ApiError} `Rejected.PendingImport` if there is such a version already.
 */
export async function addWaitingVersion(context: RequestContext, key: StoredKey): Promise<AddedVersion> {
  const waiting = waitingVersion(key);
  if (waiting !== undefined) {
    const { message } = ERRORS["Rejected.PendingImport"];
    const advice = `The key version ${waiting.identity.versionId} still waits for its material.`;
    throw new ApiError("Rejected.PendingImport", `${message} ${advice}`);
  }
  const { id: keyId, accountId, spec, origin, rotation, primaryVersion } = key;
  const { current: accountKey } = await findAccountKeys(context, accountId);
  const versionId = newKeyVersionIdOf(keyId);
  const identity = { accountId, keyId, versionId, spec, origin };
  const changes = insertVersion(context, key, {
    versionId,
    made: noMaterial({ identity, accountKey: accountKey.key }),
    accountKeyVersion: accountKey.version,
    number: primaryVersion.number + 1,
    createdAt: context.now,
    isPrimary: false,
    rotation,
  });
  return { id: versionId, createdAt: context.now, changes, touched: [{ kind: keyKind, id: keyId }] };
}
