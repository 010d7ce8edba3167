import type { RequestContext, TurnTaker } from "@cinnabar/kernel";
import { type PolicyPrincipal, type PolicySet, possibility, type PrincipalPattern } from "@cinnabar/policy";
import { UNDISCLOSED_IDENTITY } from "../access/undisclosed.ts";
import { ramArn } from "../resource-name.ts";
import { type BothRights, findBothRights, findEscalation, type HeldRight } from "./both-rights.ts";
import { findAffected } from "./affected.ts";
import { MANAGING_ACTIONS, SET_KEY_POLICY, USING_ACTIONS } from "./key-actions.ts";
import type { KeyPlace, Probe, ProbedKey } from "./key-rights.ts";
import { nameOf, ownName, principalsOf } from "./named-principals.ts";
import type { KeyPolicyChange, RightsChange } from "./rights-change.ts";
import { RightsData } from "./rights-data.ts";
import { type Guise, type Person, RightsWorld } from "./rights-world.ts";

/** Finds keys of an account with the policies that they have of their own. */
export interface KeyPolicies {
  /** Those among `keyIds`, and those whose policies name somebody of `names` (such as `user/alice`), in no order. */
  find(
    context: RequestContext,
    wanted: { readonly accountId: string; readonly keyIds: ReadonlySet<string>; readonly names: ReadonlySet<string> },
  ): Promise<readonly ProbedKey[]>;
  /** A text that is another one once there is a key that was not there before. */
  state(context: RequestContext, accountId: string): Promise<string>;
}

/** Somebody who may both use a key and manage it. */
export interface Conflict extends BothRights {
  readonly principal: PolicyPrincipal;
  /** Left out for all keys that its policies are about, made or not. */
  readonly keyId?: string | undefined;
}

export interface Conflicts {
  readonly found: readonly Conflict[];
  /** Whether there are more. */
  readonly isTruncated: boolean;
}

/** So many are found; that there are more is said. */
const MAX_CONFLICTS = 20;

/** Somebody, before the change and after it. */
interface Pair {
  readonly before: Person;
  readonly after: Person;
}

/**
 * Everybody who may both use a key and manage it after a change, and could not before; at most {@link MAX_CONFLICTS}, and one
 * key of each.
 *
 * @param turns - are given at every step.
 */
export async function findConflicts(
  context: RequestContext,
  change: RightsChange,
  {
    place,
    keyPolicies,
    turns,
  }: { readonly place: KeyPlace; readonly keyPolicies: KeyPolicies; readonly turns: TurnTaker },
): Promise<Conflicts> {
  const data = new RightsData(context, { accountId: place.accountId, turns });
  const [before, after] = [new RightsWorld(data, place), new RightsWorld(data, place, change)];
  const { members, missing } = await findAffected(change, data, after);
  await data.load(members);
  const pairs: Pair[] = missing.map((name) => {
    const person = after.missing(name.startsWith("user/") ? "user" : "role", name.slice(name.indexOf("/") + 1));
    return { before: person, after: person };
  });
  for (const member of members) {
    await turns.give();
    pairs.push({ before: await before.personOf(member), after: await after.personOf(member) });
  }
  const found: Conflict[] = change.kind === "key-policy" ? [...guestConflicts(change, place.accountId)] : [];
  if (pairs.length > 0) {
    const probes =
      change.kind === "key-policy"
        ? new Probes([toProbes(change)])
        : await findProbes(context, { pairs, keyPolicies, turns, accountId: place.accountId });
    const looked = new Alike<Omit<Conflict, "principal"> | undefined>();
    for (const pair of pairs) {
      await turns.give();
      const principal = pair.after.self?.principal;
      if (principal === undefined) continue;
      const look = () => conflictOf(pair, probes.of(pair), turns);
      const conflict = await (probes.areNamed(pair) || dependsOnName(pair) ? look() : looked.get(pair, look));
      if (conflict !== undefined) found.push({ principal, ...conflict });
      if (found.length > MAX_CONFLICTS) break;
    }
  }
  return { found: found.slice(0, MAX_CONFLICTS), isTruncated: found.length > MAX_CONFLICTS };
}

/** What is so of one is so of all who have the same policies and can become the same: it is looked at once. */
class Alike<T> {
  readonly #numbers = new Map<object, number>();
  readonly #known = new Map<string, { readonly value: T }>();

  async get({ before, after }: Pair, look: () => Promise<T>): Promise<T> {
    const parts = [before.self?.rights, before.others, after.self?.rights, after.others];
    const name = parts.map((part) => (part === undefined ? "" : this.#numberOf(part))).join(" ");
    const known = this.#known.get(name) ?? { value: await look() };
    this.#known.set(name, known);
    return known.value;
  }

  #numberOf(part: object): number {
    const number = this.#numbers.get(part) ?? this.#numbers.size;
    this.#numbers.set(part, number);
    return number;
  }
}

/** Whether it is by its name that somebody cannot give itself rights: what it may do to itself is harmless. */
function dependsOnName({ before, after }: Pair): boolean {
  return before.self?.rights.dependsOnName === true || after.self?.rights.dependsOnName === true;
}

/** Whoever of elsewhere a key's new policy lets do both, if its own policies allow it, and the old one did not. */
function guestConflicts(change: KeyPolicyChange, accountId: string): readonly Conflict[] {
  const { keyId, arn, policy, before } = change;
  const guests = new Map(
    principalsOf(policy, "Allow")
      .flatMap((pattern) => guestOf(pattern, accountId))
      .map((guest) => [guest.arn, guest]),
  );
  return [...guests.values()].flatMap((principal): Conflict[] => {
    const may = (policy: PolicySet | undefined) => guestRights({ arn, policy, accountId }, principal);
    const both = may(policy);
    const had = before && may(before.policy);
    return both === undefined || had !== undefined ? [] : [{ principal, keyId, ...both }];
  });
}

/** Whoever of another account a pattern names; with a whole account its root. */
function guestOf(pattern: PrincipalPattern, ownAccountId: string): readonly PolicyPrincipal[] {
  if (!("accountId" in pattern) || pattern.accountId === ownAccountId) return [];
  const { accountId } = pattern;
  if (pattern.type === "account") return [{ kind: "root", accountId, name: "root", arn: `acs:ram::${accountId}:root` }];
  const { type: kind, name } = pattern;
  return [{ kind, accountId, name, arn: ramArn(accountId, kind, name) }];
}

function guestRights(
  {
    arn,
    policy,
    accountId,
  }: { readonly arn: string; readonly policy: PolicySet | undefined; readonly accountId: string },
  principal: PolicyPrincipal,
): BothRights | undefined {
  const may = (action: string): boolean => {
    const asked = { resourceAccountId: accountId, identity: UNDISCLOSED_IDENTITY, resourcePolicy: policy };
    return possibility({ action, resource: arn, principal }, asked) !== "never";
  };
  const held = (action: string): HeldRight => ({ action, roles: [] });
  const managing = MANAGING_ACTIONS.find(may);
  const using = USING_ACTIONS.find(may) ?? (may(SET_KEY_POLICY) ? SET_KEY_POLICY : undefined);
  return managing === undefined || using === undefined ? undefined : { using: held(using), managing: held(managing) };
}

/** A key before the change, and after it. */
type ProbePair = readonly [before: Probe, after: Probe];

function toProbes({ keyId, arn, before, policy }: KeyPolicyChange): ProbePair {
  return [before === undefined ? "any key" : { keyId, arn, policy: before.policy }, { keyId, arn, policy }];
}

function guisesOf({ self, others }: Person): readonly Guise[] {
  return self === undefined ? others : [self, ...others];
}

async function conflictOf(
  { before, after }: Pair,
  probes: readonly ProbePair[],
  turns: TurnTaker,
): Promise<Omit<Conflict, "principal"> | undefined> {
  const [old, now] = [guisesOf(before), guisesOf(after)];
  // Who has everything gets nothing more.
  if (findEscalation(old) !== undefined) return undefined;
  const escalation = findEscalation(now);
  if (escalation !== undefined) return { using: escalation, managing: escalation };
  for (const [oldProbe, probe] of probes) {
    await turns.give();
    const both = findBothRights(now, probe);
    if (both === undefined || findBothRights(old, oldProbe) !== undefined) continue;
    return { ...(probe !== "any key" && { keyId: probe.keyId }), ...both };
  }
  return undefined;
}

/** Which keys anybody's rights are to be looked at of. */
class Probes {
  readonly #always: readonly ProbePair[];
  readonly #byId: ReadonlyMap<string, ProbedKey>;
  readonly #byName: ReadonlyMap<string, ReadonlySet<ProbedKey>>;
  /** Of those who can become the same. */
  readonly #ofOthers = new Map<readonly Guise[], readonly ProbedKey[]>();

  /** @param always - those of everybody's. @param keys - those that policies name, or that name somebody. */
  constructor(always: readonly ProbePair[], keys: readonly ProbedKey[] = []) {
    this.#always = always;
    this.#byId = new Map(keys.map((key) => [key.keyId, key]));
    const byName = new Map<string, Set<ProbedKey>>();
    for (const key of keys) {
      for (const name of principalsOf(key.policy).flatMap(ownName)) {
        const known = byName.get(name);
        if (known === undefined) byName.set(name, new Set([key]));
        else known.add(key);
      }
    }
    this.#byName = byName;
  }

  of({ before, after }: Pair): readonly ProbePair[] {
    const keys = new Set<ProbedKey>();
    for (const { self, others } of [before, after]) {
      for (const key of self === undefined ? [] : this.#ofGuise(self)) keys.add(key);
      for (const key of this.#ofAll(others)) keys.add(key);
    }
    return [...this.#always, ...[...keys].map((key) => [key, key] as const)];
  }

  /** Whether any key's policy names somebody itself. */
  areNamed({ before, after }: Pair): boolean {
    return (
      this.#always.some(isOneKey) ||
      [before, after].some(({ self }) => self !== undefined && this.#byName.has(nameOf(self.principal)))
    );
  }

  #ofAll(guises: readonly Guise[]): readonly ProbedKey[] {
    const known = this.#ofOthers.get(guises) ?? guises.flatMap((guise) => this.#ofGuise(guise));
    this.#ofOthers.set(guises, known);
    return known;
  }

  #ofGuise({ rights, principal }: Guise): readonly ProbedKey[] {
    const named = rights.namedKeys.flatMap((keyId) => this.#byId.get(keyId) ?? []);
    return [...named, ...(this.#byName.get(nameOf(principal)) ?? [])];
  }
}

/** The policy of a key that changes may name anybody. */
function isOneKey([, probe]: ProbePair): boolean {
  return probe !== "any key";
}

/** All keys together, those that anybody's policies name, and those that name anybody. */
async function findProbes(
  context: RequestContext,
  {
    pairs,
    keyPolicies,
    turns,
    accountId,
  }: {
    readonly pairs: readonly Pair[];
    readonly keyPolicies: KeyPolicies;
    readonly turns: TurnTaker;
    readonly accountId: string;
  },
): Promise<Probes> {
  const names = new Set<string>();
  const keyIds = new Set<string>();
  const seen = new Set<object>();
  const look = (guises: readonly Guise[]): void => {
    for (const { rights, principal } of guises) {
      names.add(nameOf(principal));
      if (seen.has(rights)) continue;
      seen.add(rights);
      for (const keyId of rights.namedKeys) keyIds.add(keyId);
    }
  };
  for (const { before, after } of pairs) {
    await turns.give();
    for (const { self, others } of [before, after]) {
      if (self !== undefined) look([self]);
      if (!seen.has(others)) look(others);
      seen.add(others);
    }
  }
  return new Probes([["any key", "any key"]], await keyPolicies.find(context, { accountId, keyIds, names }));
}
