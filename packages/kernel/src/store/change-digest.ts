import { hash } from "node:crypto";
import { lengthPrefixed } from "@cinnabar/crypto";

/** What one control transaction changed. */
export interface EpochChanges {
  readonly epoch: number;
  readonly entities: readonly string[];
}

/**
 * Continues the digest of the change list by what one control transaction changed: SHA-256 of the digest before, the
 * epoch and the sorted entities' names, each with its length before it. An epoch without changes leaves it as it is.
 *
 * It stands in the epoch's row, authenticated with it: who has followed the list up to one epoch and reads what came
 * since finds a row that was removed, added or changed.
 *
 * @param before - null where no digest was kept yet.
 */
export function digestChanges(before: Uint8Array | null, { epoch, entities }: EpochChanges): Uint8Array | null {
  if (entities.length === 0) return before;
  return hash("sha256", lengthPrefixed([before ?? "", String(epoch), ...entities.toSorted()]), "buffer");
}
