import type { StoredKey } from "../key/key-repository.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import type { KeyVersion } from "../key/key-version.ts";

/**
 * When the version was made that the key was rotated to last, in store milliseconds: of a symmetric key the one that encrypts,
 * though a newer one may wait for its material.
 */
export function lastRotatedAt(key: StoredKey): number {
  return (KEY_SPECS[key.spec].family === "symmetric" ? key.primaryVersion : latestVersion(key)).createdAt;
}

/** The version that was made last. */
export function latestVersion({ primaryVersion, versions }: StoredKey): KeyVersion {
  let latest = primaryVersion;
  for (const version of versions.values()) if (version.number > latest.number) latest = version;
  return latest;
}
