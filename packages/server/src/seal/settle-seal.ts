import type { Seal } from "@cinnabar/kernel";

import { SealLock } from "./seal-lock.ts";
import { directoriesOf, findUnnamedRootKeys, removeRootKeys } from "./unnamed-root-keys.ts";

/**
 * Puts the store's root key in its place in the seal, where a rotation was interrupted after the store had been put
 * under it.
 *
 * @returns where the old root key is kept, if it is; `undefined` if there was nothing to do.
 */
export async function settleSeal(
  seal: Seal,
  { rootKey, keepOld }: { readonly rootKey: string; readonly keepOld: boolean },
): Promise<{ readonly kept: string | undefined } | undefined> {
  const { rotation } = seal;
  if (rotation === undefined || (await rotation.claimNext()) !== rootKey) return undefined;
  const kept = keepOld ? await rotation.keepOther(rootKey) : undefined;
  await rotation.promote(rootKey);
  return { kept };
}

/**
 * Puts in order what interrupted processes have left of root keys, once the store is open with its own.
 *
 * @param options.rootKey - check value of the store's root key.
 * @param options.data - the data directory.
 * @returns a sentence for the operator about each thing that was found.
 */
export async function tidySeal(options: {
  readonly seal: Seal;
  readonly rootKey: string;
  readonly data: string;
}): Promise<string[]> {
  const { seal, rootKey, data } = options;
  const directories = [data, ...directoriesOf(seal.path)];
  const isWaiting = (await seal.rotation?.claimNext()) !== undefined;
  const unnamed = await findUnnamedRootKeys(directories);
  // Most starts write nothing: a seal may be where only its reader is let in.
  if (!isWaiting && unnamed.length === 0) return [];
  using lock = await SealLock.take([seal.path]);
  if (lock === undefined)
    return ["A command moves root keys right now: what an interrupted one has left stays for the next start."];
  const said: string[] = [];
  for (const path of await removeRootKeys(unnamed)) {
    said.push(`${path} held a root key that an interrupted process was writing; it never counted, and is removed.`);
  }
  const settled = await settleSeal(seal, { rootKey, keepOld: true });
  if (settled !== undefined) {
    const kept = settled.kept === undefined ? "" : `; the old one is kept as ${settled.kept}`;
    said.push(`A rotation of the root key had been interrupted: the new one, ${rootKey}, is in its place now${kept}.`);
  }
  const next = await seal.rotation?.claimNext();
  if (next !== undefined) {
    said.push(
      `Beside ${seal.describe()} there is a next root key, ${next}, that the store is not under: a rotation was interrupted. Run \`cinnabar root-key rotate\` again, which goes on with it.`,
    );
  }
  return said;
}
