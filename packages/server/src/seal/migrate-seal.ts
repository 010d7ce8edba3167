import { open, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { notReadBack, type RootKey, type Seal, SealError } from "@cinnabar/kernel";

import { syncDirectory } from "../data-directory/atomic-file.ts";
import { openRootKey } from "../open-deployment.ts";

/** What has been done when {@link migrateSeal} says so, in order. */
export type MigrationStep = "opened" | "staged" | "verified" | "published" | "recorded" | "removed";

export interface SealMigration {
  readonly from: Seal;
  readonly to: Seal;
  /** Check value of the store's root key. */
  readonly expected: string;
  /** Leaves the old seal where it is. */
  readonly keepOld: boolean;
  /** Puts the migration on record; what it throws ends it before anything is removed. */
  record(rootKey: RootKey): Promise<void>;
  /** For tests. */
  readonly onStep?: (step: MigrationStep) => void;
}

/**
 * - `removed`, `replaced`: the old seal is gone.
 * - `kept`: it is still there. `theirs`: only who keeps it can remove it.
 * - `source`: it is still there, because what others hand over may come from it.
 */
export type OldSeal = "removed" | "replaced" | "kept" | "theirs" | "source";

/**
 * Moves a store's root key from one seal to another: it is sealed anew, durably, and opened again from what was written,
 * before the old seal goes. Whenever it ends in between, one of the two opens the root key, and it can be run again.
 *
 * @throws RootKeyError if `from` does not open the store's root key. SealError if `to` cannot be had, keeps another root
 * key already, or is the old seal under another name. Then nothing was changed.
 */
export async function migrateSeal(migration: SealMigration): Promise<OldSeal> {
  const { from, to, expected, keepOld, onStep = () => {} } = migration;
  const rootKey = await openRootKey(from, expected);
  onStep("opened");
  const isReplaced = from.path !== undefined && to.path !== undefined && (await isSamePlace(from.path, to.path));
  if (!isReplaced && (await findSealed(to, rootKey)) === "the root key") {
    // Whoever put it there, or a run that was interrupted, may not have seen to it that a power failure leaves it there.
    if (to.path !== undefined) await flush(to.path);
  } else {
    await using staged = await to.stage(rootKey);
    onStep("staged");
    if ((await staged.open()).checkValue !== expected) throw notReadBack(to.describe());
    onStep("verified");
    await staged.publish({ replace: isReplaced });
  }
  onStep("published");
  await migration.record(rootKey);
  onStep("recorded");
  if (isReplaced) return "replaced";
  if (keepOld) return "kept";
  // A variable or a command may name the very file that would be removed.
  if (to.path === undefined && from.path !== undefined) return "source";
  const isRemoved = await from.remove();
  onStep("removed");
  return isRemoved ? "removed" : "theirs";
}

/** Whether the new seal has the root key already: an earlier run, or whoever keeps it, put it there. */
async function findSealed(to: Seal, rootKey: RootKey): Promise<"nothing" | "the root key"> {
  const claimed = await to.claim();
  const found = claimed !== undefined && claimed !== rootKey.checkValue ? claimed : (await to.open())?.checkValue;
  if (found === undefined) return "nothing";
  if (found === rootKey.checkValue) return "the root key";
  throw new SealError(
    "exists",
    `${to.describe()} keeps another root key already, ${found}; the store's is ${rootKey.checkValue}. Nothing was changed.`,
  );
}

/** @throws SealError if one file has both paths and no name in common, as with a directory mounted twice, or a link. */
async function isSamePlace(one: string, other: string): Promise<boolean> {
  if ((await placeOf(one)) === (await placeOf(other))) return true;
  const [a, b] = await Promise.all([one, other].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  if (a === undefined || b === undefined || a.dev !== b.dev || a.ino !== b.ino) return false;
  throw new SealError("exists", `${one} and ${other} are the same file. Nothing was changed: name another one.`);
}

async function flush(path: string): Promise<void> {
  const whole = await realpath(path);
  await using file = await open(whole, "r");
  await file.sync();
  await syncDirectory(dirname(whole));
}

async function placeOf(path: string): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch {
    return join(await realpath(dirname(whole)).catch(() => dirname(whole)), basename(whole));
  }
}
