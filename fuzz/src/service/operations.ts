import { randomBytes } from "node:crypto";
import { type DeclaredOperation, DeploymentKeys, RootKey, rootOnly } from "@cinnabar/kernel";
import { type KeySeparation, type KeyUsageSource, kmsOperations, removedOperations } from "@cinnabar/kms";
import { sharingOperations } from "@cinnabar/sharing";
import { trailOperations } from "@cinnabar/trail";

/** Here operations are only looked at, never run: nobody asks for the usage of a key. */
const noUsage: KeyUsageSource = {
  read: () => Promise.reject(new Error("operations are not run here")),
  readHeld: () => Promise.reject(new Error("operations are not run here")),
  isReviewRequired: () => Promise.reject(new Error("operations are not run here")),
};

/** Nor are rights looked at. */
const noSeparation: KeySeparation = { check: () => Promise.reject(new Error("operations are not run here")) };

const operations: readonly DeclaredOperation[] = [
  ...kmsOperations({
    keys: DeploymentKeys.derive(new RootKey(randomBytes(32))),
    usage: noUsage,
    authorizer: rootOnly,
    separation: noSeparation,
  }),
  ...trailOperations(),
  ...sharingOperations({ isMember: () => Promise.resolve(false) }),
];

/** Operations that leave everything as it was, whatever they answer; without those that answer one thing to whatever is sent. */
export const readingOperations = operations.filter(
  (operation) => !changes(operation.kind) && !removedOperations.includes(operation),
);

/** Operations that change something if they are taken. */
export const changingOperations = operations.filter(({ kind }) => changes(kind));

function changes(kind: DeclaredOperation["kind"]): boolean {
  return kind === "create" || kind === "control";
}
