import type { TurnTaker } from "@cinnabar/kernel";
import type { AdmittedMembers, PolicyPrincipal } from "@cinnabar/policy";
import { type Abilities, NO_ABILITIES } from "./abilities.ts";
import { type Component, componentsOf } from "./components.ts";
import type { KeyRights, Probe } from "./key-rights.ts";
import type { AssumableRole } from "./role-rights.ts";

/** The roles that somebody may assume: one for all who may assume the same ones for the same reason. */
export interface Door {
  readonly roles: readonly RoleNode[];
}

/** What somebody may do, and whom it may become: one for all of whom it is so for the same reason. */
export interface Standing {
  readonly rights: KeyRights;
  readonly door: Door;
}

/** A role among all that may assume one another. */
export interface RoleNode {
  readonly role: AssumableRole;
  readonly principal: PolicyPrincipal;
  /** The account's own users and roles that it admits, if their policies allow it to them. */
  readonly admitted: AdmittedMembers;
  /** There once it was found that somebody may assume it. */
  standing?: Standing;
}

export const NO_DOOR: Door = { roles: [] };

type Place = Door | RoleNode;

/**
 * Whom those can become who stand before some doors, role by role. What is so of all behind a door together is found once for
 * those roles that may all become one another, however many these are.
 */
export class RoleGraph {
  readonly #turns: TurnTaker;
  readonly #components: ReadonlyMap<Place, Component<Place>>;
  readonly #abilities = new Map<Probe, Map<Component<Place>, Abilities>>();

  private constructor(turns: TurnTaker, components: ReadonlyMap<Place, Component<Place>>) {
    this.#turns = turns;
    this.#components = components;
  }

  /** @param doors - behind which all roles have their standing. */
  static async behind(doors: Iterable<Door>, turns: TurnTaker): Promise<RoleGraph> {
    const next = (place: Place): readonly Place[] =>
      isDoor(place) ? place.roles : place.standing === undefined ? [] : [place.standing.door];
    return new RoleGraph(turns, await componentsOf<Place>(doors, next, () => turns.give()));
  }

  /** All roles behind any of the doors. */
  *roles(): Generator<RoleNode> {
    for (const place of this.#components.keys()) if (!isDoor(place)) yield place;
  }

  /** What those may do with a key together whom one can become behind a door. */
  abilities(door: Door, probe: Probe): Promise<Abilities> {
    const known = this.#abilities.get(probe) ?? new Map<Component<Place>, Abilities>();
    this.#abilities.set(probe, known);
    return this.fold(door, {
      known,
      none: NO_ABILITIES,
      of: ({ standing, principal }) => standing?.rights.abilities(probe, principal) ?? NO_ABILITIES,
      join: (one, other) => one | other,
    });
  }

  /**
   * What comes of all roles behind a door, joined in any order, some perhaps more than once.
   *
   * @param how.known - what was found before of the same, which is added to.
   */
  async fold<T>(door: Door, how: Fold<T>): Promise<T> {
    const component = this.#components.get(door);
    return component === undefined ? how.none : this.#fold(component, how);
  }

  async #fold<T>(component: Component<Place>, how: Fold<T>): Promise<T> {
    const known = how.known.get(component);
    if (known !== undefined) return known;
    let all = how.none;
    for (const place of component.places) {
      await this.#turns.give();
      if (!isDoor(place)) all = how.join(all, how.of(place));
    }
    for (const next of component.next) all = how.join(all, await this.#fold(next, how));
    how.known.set(component, all);
    return all;
  }
}

/** How something of many roles becomes one. */
export interface Fold<T> {
  readonly known: Map<object, T>;
  readonly none: T;
  of(node: RoleNode): T;
  /** Of which each is as often in the outcome as it likes. */
  join(one: T, other: T): T;
}

function isDoor(place: Place): place is Door {
  return "roles" in place;
}
