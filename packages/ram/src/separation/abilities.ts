/**
 * What somebody may do with a key, or several together, in bits: what all may do of whom one can become each is the bitwise or.
 * They say whether somebody has both; by which right, {@link findBothRights} says.
 */
export type Abilities = number;

export const NO_ABILITIES: Abilities = 0;
/** It can give itself rights in RAM. */
export const ESCALATES = 1;
/** It uses the key, itself or as an application. */
export const USES = 2;
export const MANAGES = 4;
/** It may set the key's policy. */
export const SETS_POLICY = 8;
/** Some cryptography with the key is not denied by its policies, so that a key's policy can allow it. */
export const CAN_BE_ADMITTED = 16;

/** Whether somebody may both use the key and manage it. */
export function areBoth(abilities: Abilities): boolean {
  if (has(abilities, ESCALATES)) return true;
  return has(abilities, MANAGES) && (has(abilities, USES) || has(abilities, SETS_POLICY | CAN_BE_ADMITTED));
}

/** Whether all bits of `wanted` are there. */
export function has(abilities: Abilities, wanted: Abilities): boolean {
  return (abilities & wanted) === wanted;
}
