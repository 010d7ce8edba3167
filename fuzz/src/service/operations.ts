import type { DeclaredOperation } from "@cinnabar/kernel";
import { type KeyUsageSource, kmsOperations } from "@cinnabar/kms";
import { trailOperations } from "@cinnabar/trail";

/** Here operations are only looked at, never run: nobody asks for the usage of a key. */
const noUsage: KeyUsageSource = {
  read: () => Promise.reject(new Error("operations are not run here")),
  readHeld: () => Promise.reject(new Error("operations are not run here")),
  isReviewRequired: () => Promise.reject(new Error("operations are not run here")),
};

const operations: readonly DeclaredOperation[] = [...kmsOperations({ usage: noUsage }), ...trailOperations()];

/** Operations that leave everything as it was, whatever they answer. */
export const readingOperations = operations.filter(({ kind }) => !changes(kind));

/** Operations that change something if they are taken. */
export const changingOperations = operations.filter(({ kind }) => changes(kind));

function changes(kind: DeclaredOperation["kind"]): boolean {
  return kind === "create" || kind === "control";
}
