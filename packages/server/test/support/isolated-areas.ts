import type { DeclaredOperation } from "@cinnabar/kernel";
import { removedOperations } from "@cinnabar/kms";
import { INSTANCE_API_VERSION } from "@cinnabar/rpc";

type Area = (operation: DeclaredOperation) => boolean;

const ACCESS_OPERATION =
  /^(?:Create|Describe|Get|List|Update|Delete)(?:NetworkRules?|Policy|Policies|ApplicationAccessPoints?|ClientKeys?)$/;

/** What gives applications their access. */
const isAccess: Area = ({ product, version, name }) =>
  product === "Kms" && version !== INSTANCE_API_VERSION && ACCESS_OPERATION.test(name);
/** What applications call, with their client keys. */
const isApplication: Area = ({ version }) => version === INSTANCE_API_VERSION;
/** What was removed from the API: nothing of it is read, so there is nothing to try. */
const isRemoved: Area = (operation) => removedOperations.includes(operation);
const OWN_AREAS = [isAccess, isApplication, isRemoved];

/** Operations that are about things of the same names, tried together: every operation is of one area and of no other. */
export const AREAS = {
  keys: (operation) =>
    (operation.product === "Kms" || operation.product === "Actiontrail") && !OWN_AREAS.some((isOf) => isOf(operation)),
  access: isAccess,
  application: isApplication,
  removed: isRemoved,
  identity: ({ product }) => product === "Ram" || product === "Sts",
  sharing: ({ product }) => product === "ResourceSharing",
} as const satisfies Readonly<Record<string, Area>>;

export type AreaName = keyof typeof AREAS;

/** The operations that are of no area, or of several. */
export function operationsOfNoArea(operations: readonly DeclaredOperation[]): string[] {
  const areas: readonly Area[] = Object.values(AREAS);
  return operations
    .filter((operation) => areas.filter((isOf) => isOf(operation)).length !== 1)
    .map(({ product, version, name }) => `${product} ${version} ${name}`);
}
