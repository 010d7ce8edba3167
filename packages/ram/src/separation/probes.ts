import type { RequestContext } from "@cinnabar/kernel";
import type { KeyPolicies } from "./key-policies.ts";
import type { KeyRights, Probe, ProbedKey } from "./key-rights.ts";
import type { PolicyPrincipal } from "@cinnabar/policy";
import { nameOf, namesIn } from "./named-principals.ts";
import { namesOfOutsider } from "./outsiders.ts";
import type { KeyPolicyChange } from "./rights-change.ts";
import type { RightsData } from "./rights-data.ts";
import type { Guise, Person, RightsWorld } from "./rights-world.ts";

/** A key before the change, and after it. */
export type ProbePair = readonly [before: Probe, after: Probe];

const NO_KEYS: ReadonlySet<ProbedKey> = new Set();

/** Which keys anybody's rights are to be looked at of. */
export class Probes {
  readonly #accountId: string;
  readonly #always: ProbePair;
  readonly #byId: ReadonlyMap<string, ProbedKey>;
  readonly #byName: ReadonlyMap<string, ReadonlySet<ProbedKey>>;
  /** Of all roles behind a door together, in each world. */
  readonly #known = new Map<RightsWorld, Map<object, ReadonlySet<ProbedKey>>>();

  /** @param always - that of everybody's. @param keys - those that policies name, or that name somebody. */
  private constructor(
    accountId: string,
    { always, keys }: { readonly always: ProbePair; readonly keys: readonly ProbedKey[] },
  ) {
    this.#accountId = accountId;
    this.#always = always;
    this.#byId = new Map(keys.map((key) => [key.keyId, key]));
    const byName = new Map<string, Set<ProbedKey>>();
    for (const key of keys) {
      for (const name of namesIn(key.policy)) {
        const known = byName.get(name);
        if (known === undefined) byName.set(name, new Set([key]));
        else known.add(key);
      }
    }
    this.#byName = byName;
  }

  /** The one key whose policy changes. */
  static ofChange({ keyId, arn, before, policy }: KeyPolicyChange, accountId: string): Probes {
    const old = before === undefined ? "any key" : { keyId, arn, policy: before.policy };
    return new Probes(accountId, { always: [old, { keyId, arn, policy }], keys: [] });
  }

  /** All keys together, those that anybody's policies name, and those that name anybody. Those whom they name are recognised. */
  static async find(
    context: RequestContext,
    {
      worlds,
      data,
      keyPolicies,
      isMember,
      outsiders,
    }: {
      /** That people have entered. */
      readonly worlds: readonly RightsWorld[];
      readonly data: RightsData;
      readonly keyPolicies: KeyPolicies;
      /** Whether they have entered, of a user or role by its name, such as `user/alice`, once that is recognised. */
      readonly isMember: (name: string) => boolean;
      /** Who of elsewhere has entered. */
      readonly outsiders: readonly PolicyPrincipal[];
    },
  ): Promise<Probes> {
    const { turns, accountId } = data;
    const roles = new Set<string>();
    const keyIds = new Set<string>();
    const ofOutsiders = new Set(outsiders.flatMap(namesOfOutsider));
    for (const world of worlds) {
      for (const { principal } of world.graph.roles()) roles.add(nameOf(principal));
      for (const rights of world.allRights()) {
        await turns.give();
        for (const keyId of rights.namedKeys) keyIds.add(keyId);
      }
    }
    const among = async (names: ReadonlySet<string>): Promise<ReadonlySet<string>> => {
      await data.recognise(names);
      return new Set([...names].filter((name) => roles.has(name) || ofOutsiders.has(name) || isMember(name)));
    };
    const keys = await keyPolicies.find(context, { accountId, keyIds, among });
    await data.recognise(keys.flatMap(({ policy }) => [...namesIn(policy)]));
    return new Probes(accountId, { always: ["any key", "any key"], keys });
  }

  /** Whether it is by somebody's name that a key's policy allows or denies it something. */
  areAbout(people: readonly (Person | undefined)[]): boolean {
    return people.some((person) => {
      const name = person && nameOf(person.principal);
      return name !== undefined && (this.#byName.has(name) || this.#always.some((probe) => isNamedIn(probe, name)));
    });
  }

  /** Those that somebody's rights are to be looked at of, in some worlds, by itself or as whoever it can become there. */
  async of(people: readonly (readonly [RightsWorld, Person | undefined])[]): Promise<readonly ProbePair[]> {
    let keys = NO_KEYS;
    for (const [world, person] of people) {
      if (person === undefined) continue;
      const known = this.#known.get(world) ?? new Map<object, ReadonlySet<ProbedKey>>();
      this.#known.set(world, known);
      keys = union(keys, new Set(this.#keysOf(person.standing.rights, person.principal)));
      const ofOthers = await world.graph.fold(person.standing.door, {
        known,
        none: NO_KEYS,
        of: ({ standing, principal }) =>
          standing === undefined ? NO_KEYS : new Set(this.#keysOf(standing.rights, principal)),
        join: union,
      });
      keys = union(keys, ofOthers);
    }
    return this.#pairs(keys);
  }

  /** Those that the rights of any of some guises are to be looked at of, in their order. */
  ofGuises(guises: readonly Guise[]): readonly ProbePair[] {
    return this.#pairs(new Set(guises.flatMap(({ rights, principal }) => this.#keysOf(rights, principal))));
  }

  #pairs(keys: ReadonlySet<ProbedKey>): readonly ProbePair[] {
    return [this.#always, ...[...keys].map((key) => [key, key] as const)];
  }

  #keysOf(rights: KeyRights, principal: PolicyPrincipal): readonly ProbedKey[] {
    const named = rights.namedKeys.flatMap((keyId) => this.#byId.get(keyId) ?? []);
    const names = principal.accountId === this.#accountId ? [nameOf(principal)] : namesOfOutsider(principal);
    return [...named, ...names.flatMap((name) => [...(this.#byName.get(name) ?? [])])];
  }
}

function isNamedIn(probe: Probe, name: string): boolean {
  return probe !== "any key" && namesIn(probe.policy).has(name);
}

function union(one: ReadonlySet<ProbedKey>, other: ReadonlySet<ProbedKey>): ReadonlySet<ProbedKey> {
  if (other.size === 0 || one === other) return one;
  return one.size === 0 ? other : new Set([...one, ...other]);
}
