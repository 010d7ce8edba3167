import type { RequestContext } from "@cinnabar/kernel";
import { materialGone } from "../key/key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import type { KeyVersion } from "../key/key-version.ts";

/**
 * A key whose material is imported, as it is now: what has expired is gone, whether it is still stored or not. Bounds the time
 * in which that holds.
 */
export function withLivingMaterial(
  context: Pick<RequestContext, "now" | "holdsFrom" | "holdsUntil">,
  key: StoredKey,
): StoredKey {
  const { now } = context;
  let hasExpired = false;
  for (const { imported } of key.versions.values()) {
    if (imported?.expiresAt === undefined) continue;
    if (imported.expiresAt > now) context.holdsUntil(imported.expiresAt);
    else {
      hasExpired = true;
      context.holdsFrom(imported.expiresAt);
    }
  }
  if (!hasExpired) return key;
  const versions = new Map(
    [...key.versions].map(([id, version]) => [id, isExpired(version, now) ? version.withoutMaterial() : version]),
  );
  const primaryVersion = versions.get(key.primaryVersionId) ?? key.primaryVersion;
  const status = primaryVersion.hasMaterial ? key.status : materialGone(key.status);
  return { ...key, versions, primaryVersion, status };
}

function isExpired({ imported }: KeyVersion, now: number): boolean {
  return imported?.expiresAt !== undefined && imported.expiresAt <= now;
}
