import { randomBytes } from "node:crypto";
import { type DeclaredOperation, DeploymentKeys, RootKey, rootOnly } from "@cinnabar/kernel";
import { type KeySeparation, type KeyUsageSource, kmsOperations, removedOperations } from "@cinnabar/kms";
import { ramOperations, Separation, stsOperations } from "@cinnabar/ram";
import { instanceShares, sharingOperations } from "@cinnabar/sharing";
import { trailOperations } from "@cinnabar/trail";

/** Here operations are only looked at. */
const never = (): Promise<never> => Promise.reject(new Error("operations are not run here"));
const noUsage: KeyUsageSource = { read: never, readHeld: never, isReviewRequired: never };
const noSeparation: KeySeparation = { check: never };

const keys = DeploymentKeys.derive(new RootKey(randomBytes(32)));

const operations: readonly DeclaredOperation[] = [
  ...kmsOperations({
    keys,
    usage: noUsage,
    authorizer: rootOnly,
    separation: noSeparation,
    shares: instanceShares,
  }),
  ...trailOperations(),
  ...sharingOperations({ isMember: () => Promise.resolve(false) }),
];

const identityOperations: readonly DeclaredOperation[] = [
  ...ramOperations({
    keys,
    findLastUse: never,
    authorizer: rootOnly,
    findRight: never,
    separation: new Separation({ find: never, state: never }),
    recorded: { lastSeconds: never, search: never, rightsOnKeys: () => [], tagsOf: never },
    applications: { find: never, list: never },
  }),
  ...stsOperations(keys),
];

/** Operations that leave everything as it was, whatever they answer; without those that answer one thing to whatever is sent. */
export const readingOperations = operations.filter(
  (operation) => !changes(operation.kind) && !removedOperations.includes(operation),
);

/** Operations that change something if they are taken. */
export const changingOperations = operations.filter(({ kind }) => changes(kind));

/** Of RAM and STS, those that leave everything as it was, and those that change something if they are taken. */
export const readingIdentityOperations = identityOperations.filter(({ kind }) => !changes(kind));
export const changingIdentityOperations = identityOperations.filter(({ kind }) => changes(kind));

function changes(kind: DeclaredOperation["kind"]): boolean {
  return kind === "create" || kind === "control";
}
