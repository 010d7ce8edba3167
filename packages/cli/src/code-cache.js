// JavaScript, since it runs before there is a cache of what Node makes of TypeScript.

import { lstatSync, readdirSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout that this source is in, by its real path. */
export const checkout = fileURLToPath(new URL("../../..", import.meta.url));

/** Where code that was made of the sources is kept, to be run in their place. */
export const codeCachePath = join(checkout, "node_modules", ".cache", "cinnabar");

/** Of `st_mode`: others than the owner may write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Has Node keep what it makes of the sources, in the clone. Where others could have put something else there it does not,
 * and says so.
 *
 * @returns {boolean} whether the place can be used.
 */
export function enableCodeCache() {
  const place = findOpenPlace();
  if (place !== undefined) {
    process.stderr.write(
      `cinnabar: going without the cache of compiled code: others than the owner of the sources can write to ${place}. Please remove it.\n`,
    );
    return false;
  }
  // Who may write to the directories that this makes is not left to the user's mask.
  const mask = process.umask(WRITABLE_BY_OTHERS);
  try {
    enableCompileCache(codeCachePath);
  } finally {
    process.umask(mask);
  }
  return true;
}

/**
 * The first of the cache's directories, and of those in it, that is not {@link isTrusted}.
 *
 * @returns {string | undefined}
 */
export function findOpenPlace() {
  const outer = [join(codeCachePath, ".."), codeCachePath].find((path) => !isTrusted(path));
  return outer ?? inCache().find((path) => !isTrusted(path));
}

/**
 * Whether only those can have written there who could as well have changed the sources: their owner, and root. Where the
 * system has no such owners, the place is as good as that of the sources. So is one where nothing is.
 *
 * @param {string} path
 */
export function isTrusted(path) {
  if (process.getuid === undefined) return true;
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined || (isTrustedUser(found.uid) && (found.mode & WRITABLE_BY_OTHERS) === 0);
}

/**
 * Whether a user may make code that others run.
 *
 * @param {number} uid
 */
export function isTrustedUser(uid) {
  return uid === 0 || uid === lstatSync(checkout).uid;
}

function inCache() {
  try {
    return readdirSync(codeCachePath).map((name) => join(codeCachePath, name));
  } catch {
    // There is none yet, or none that this user can read: then Node cannot either.
    return [];
  }
}
