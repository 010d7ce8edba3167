import { MANAGING_ACTIONS, SET_KEY_POLICY, USING_ACTIONS } from "./key-actions.ts";
import type { Probe } from "./key-rights.ts";
import type { Guise } from "./rights-world.ts";

/** A right that somebody has, and the names of the roles that are assumed for it, one after the other. */
export interface HeldRight {
  readonly action: string;
  readonly roles: readonly string[];
}

/** As answers tell it. */
export function toHeldRightView({ action, roles }: HeldRight) {
  return { Action: action, Roles: { Role: [...roles] } };
}

/** The two that should not come together: one by which a key is used, and one by which it is managed. */
export interface BothRights {
  readonly using: HeldRight;
  readonly managing: HeldRight;
}

/**
 * What lets somebody both use a key and manage it, be it by assuming roles; `undefined` if nothing does.
 *
 * Who can give itself rights in RAM has both of every key. Who may give applications access uses every key. Who may set a key's policy manages it, and can open it to itself,
 * unless its own policies deny all cryptography with it, whatever it becomes.
 *
 * @param guises - who somebody is, and whoever it can become.
 */
export function findBothRights(guises: readonly Guise[], probe: Probe): BothRights | undefined {
  const escalation = findEscalation(guises);
  if (escalation !== undefined) return { using: escalation, managing: escalation };
  const managing = findRight(guises, MANAGING_ACTIONS, probe);
  if (managing === undefined) return undefined;
  const using = findRight(guises, USING_ACTIONS, probe) ?? first(guises, ({ rights }) => rights.accessGiving);
  if (using !== undefined) return { using, managing };
  const setting = findRight(guises, [SET_KEY_POLICY], probe);
  if (setting === undefined || guises.every(({ rights, principal }) => rights.isBarredFromUsing(probe, principal)))
    return undefined;
  return { using: setting, managing: setting };
}

/** A right by which somebody can give itself all others. */
export function findEscalation(guises: readonly Guise[]): HeldRight | undefined {
  return first(guises, ({ rights, principal }) => rights.escalationOf(principal));
}

function findRight(guises: readonly Guise[], actions: readonly string[], probe: Probe): HeldRight | undefined {
  return first(guises, ({ rights, principal }) => actions.find((action) => rights.may(action, probe, principal)));
}

function first(guises: readonly Guise[], find: (guise: Guise) => string | undefined): HeldRight | undefined {
  for (const guise of guises) {
    const action = find(guise);
    if (action !== undefined) return { action, roles: guise.roles };
  }
  return undefined;
}
