import { notReadBack, type RootKey, type Seal, SealError, type StagedSeal } from "@cinnabar/kernel";

import { openRootKey } from "../open-deployment.ts";
import { OperatorError } from "../operator-error.ts";
import { flushSeal } from "./flush-seal.ts";
import { isSamePlace } from "./same-place.ts";
import { settleSeal } from "./settle-seal.ts";

/**
 * What has been done when {@link migrateSeal} says so, in order. In the place of the old seal, the new one is recorded
 * before it is published: nothing that counts is ever off the record.
 */
export type MigrationStep = "opened" | "staged" | "verified" | "published" | "recorded" | "removed";

export interface SealMigration {
  readonly from: Seal;
  readonly to: Seal;
  /** Check value of the store's root key. */
  readonly expected: string;
  /** Leaves the old seal where it is. */
  readonly keepOld: boolean;
  /**
   * Puts the migration on record, in a transaction that waits for every other one and finds the store under this root
   * key; what it throws ends it before anything is removed.
   */
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
  const isReplaced = from.path !== undefined && to.path !== undefined && (await isSamePlace(from.path, to.path));
  if (isReplaced && keepOld) {
    throw new OperatorError(
      `The new seal would take the place of the old one, ${from.describe()}, and --keep-old is to leave that: name another path for the new one. Nothing was changed.`,
    );
  }
  await settleSeal(from, { rootKey: expected, keepOld: true });
  const rootKey = await openRootKey(from, expected);
  onStep("opened");
  if (isReplaced) {
    await using staged = await stageVerified(to, { rootKey, onStep });
    await recordAndDiscard(migration, rootKey);
    onStep("recorded");
    await staged.publish({ replace: true });
    onStep("published");
    return "replaced";
  }
  if ((await findSealed(to, rootKey)) === "the root key") {
    await flushSeal(to);
  } else {
    await using staged = await stageVerified(to, { rootKey, onStep });
    await staged.publish({ replace: false });
  }
  onStep("published");
  await recordAndDiscard(migration, rootKey);
  onStep("recorded");
  if (keepOld) return "kept";
  // A variable or a command may name the very file that would be removed.
  if (to.path === undefined && from.path !== undefined) return "source";
  const claimed = await from.claim();
  if (claimed !== undefined && claimed !== expected) {
    throw new SealError("exists", `${from.describe()} keeps another root key by now, ${claimed}, and is not removed.`);
  }
  const isRemoved = await from.remove();
  onStep("removed");
  return isRemoved ? "removed" : "theirs";
}

/**
 * Puts the migration on record, and removes the next root key that an interrupted rotation has left: it must not outlast
 * the seal. Not before the record, which says that the store is under `rootKey` and no commit is on its way any more that
 * puts it under the next one: until then that may be the only copy of the store's root key.
 */
async function recordAndDiscard(migration: SealMigration, rootKey: RootKey): Promise<void> {
  await migration.record(rootKey);
  await migration.from.rotation?.discardOther(rootKey.checkValue);
}

async function stageVerified(
  to: Seal,
  { rootKey, onStep }: { readonly rootKey: RootKey; readonly onStep: (step: MigrationStep) => void },
): Promise<StagedSeal> {
  const staged = await to.stage(rootKey);
  try {
    onStep("staged");
    if ((await staged.open()).checkValue !== rootKey.checkValue) throw notReadBack(to.describe());
    onStep("verified");
    return staged;
  } catch (error) {
    await staged[Symbol.asyncDispose]();
    throw error;
  }
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
