import type { RequestContext, TurnTaker } from "@cinnabar/kernel";
import type { PolicyPrincipal } from "@cinnabar/policy";
import { areBoth, ESCALATES, has, NO_ABILITIES } from "./abilities.ts";
import { findAffected } from "./affected.ts";
import { findBothRights, findEscalation } from "./both-rights.ts";
import type { Conflict, Conflicts } from "./conflict.ts";
import type { KeyPolicies } from "./key-policies.ts";
import type { KeyPlace, Probe } from "./key-rights.ts";
import { nameOf } from "./named-principals.ts";
import { eachOnce, outsidersIn } from "./outsiders.ts";
import { Probes } from "./probes.ts";
import { nameGivenBy, type RightsChange } from "./rights-change.ts";
import { type Member, RightsData } from "./rights-data.ts";
import type { Standing } from "./role-graph.ts";
import { type Guise, type Person, RightsWorld } from "./rights-world.ts";

/** So many are found; that there are more is said. */
const MAX_CONFLICTS = 20;

/** Somebody, before the change and after it. */
interface Pair {
  readonly before: Person | undefined;
  readonly after: Person;
}

/** What somebody may do after the change that it might not before. */
type Gain = Omit<Conflict, "principal">;

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
  const { accountId } = place;
  const data = new RightsData(context, { accountId, turns });
  const [before, after] = [new RightsWorld(data, place), new RightsWorld(data, place, change)];
  const { members, missing, outsiders: behind } = await findAffected(change, data, { before, after });
  const outsiders =
    change.kind === "key-policy" ? behind : await withThoseOfKeys(context, behind, { keyPolicies, accountId });
  await data.load(members);
  if (change.kind === "user-name") await data.nameUsers([change.userId]);
  for (const world of [before, after]) await world.enter(members, outsiders);
  const isMember = (name: string): boolean => {
    const member = data.memberNamed(name);
    return name === nameGivenBy(change) || (member !== undefined && data.isLoaded(member));
  };
  const probes =
    change.kind === "key-policy"
      ? Probes.ofChange(change, accountId)
      : await Probes.find(context, { worlds: [before, after], data, keyPolicies, isMember, outsiders });
  const comparison = new Comparison({ before, after, probes, turns });
  const found: { readonly who: Member | PolicyPrincipal; readonly gain: Gain }[] = [];
  for (const { who, ...pair } of pairsOf({ before, after, members, missing, outsiders })) {
    await turns.give();
    const gain = await comparison.gainOf(pair);
    if (gain !== undefined) found.push({ who, gain });
    if (found.length > MAX_CONFLICTS) break;
  }
  await data.nameUsers(found.flatMap(({ who }) => ("id" in who && who.kind === "user" ? [who.id] : [])));
  const conflicts = found.flatMap(({ who, gain }): Conflict[] => {
    const principal = "id" in who ? after.personOf(who)?.principal : who;
    return principal === undefined ? [] : [{ principal, ...gain }];
  });
  return { found: conflicts.slice(0, MAX_CONFLICTS), isTruncated: conflicts.length > MAX_CONFLICTS };
}

/** With those whom keys name of accounts that are among some outsiders as a whole. */
async function withThoseOfKeys(
  context: RequestContext,
  outsiders: readonly PolicyPrincipal[],
  { keyPolicies, accountId }: { readonly keyPolicies: KeyPolicies; readonly accountId: string },
): Promise<readonly PolicyPrincipal[]> {
  const accounts = outsiders.flatMap(({ kind, accountId }) => (kind === "root" ? [accountId] : []));
  if (accounts.length === 0) return outsiders;
  const isOfOne = (name: string): boolean => accounts.some((id) => name.startsWith(`acs:ram::${id}:`));
  const keys = await keyPolicies.find(context, {
    accountId,
    keyIds: new Set(),
    among: (names) => Promise.resolve(new Set([...names].filter(isOfOne))),
  });
  const named = keys.flatMap(({ policy }) => outsidersIn(policy, accountId));
  return eachOnce([...outsiders, ...named.filter(({ arn }) => isOfOne(arn))]);
}

function* pairsOf({
  before,
  after,
  members,
  missing,
  outsiders,
}: {
  readonly before: RightsWorld;
  readonly after: RightsWorld;
  readonly members: readonly Member[];
  /** Such as `user/alice`. */
  readonly missing: readonly string[];
  readonly outsiders: readonly PolicyPrincipal[];
}): Generator<Pair & { readonly who: Member | PolicyPrincipal }> {
  for (const who of outsiders) yield { who, before: before.outsider(who), after: after.outsider(who) };
  for (const name of missing) {
    const person = after.missing(name);
    yield { who: person.principal, before: person, after: person };
  }
  for (const member of members) {
    const person = after.personOf(member);
    if (person !== undefined) yield { who: member, before: before.personOf(member), after: person };
  }
}

/** What people may do before a change and after it. */
class Comparison {
  readonly #before: RightsWorld;
  readonly #after: RightsWorld;
  readonly #probes: Probes;
  readonly #turns: TurnTaker;
  /** By the standings after and before, of those on whose name nothing depends. */
  readonly #known = new Map<Standing, Map<Standing | undefined, { readonly gain: Gain | undefined }>>();

  constructor({
    before,
    after,
    probes,
    turns,
  }: {
    readonly before: RightsWorld;
    readonly after: RightsWorld;
    readonly probes: Probes;
    readonly turns: TurnTaker;
  }) {
    this.#before = before;
    this.#after = after;
    this.#probes = probes;
    this.#turns = turns;
  }

  /** What lets somebody do both with a key after the change, and did not before; `undefined` if nothing does. */
  async gainOf(pair: Pair): Promise<Gain | undefined> {
    const people = [pair.before, pair.after];
    if (this.#probes.areAbout(people) || people.some(dependsOnName)) return this.#find(pair);
    const ofAfter = this.#known.get(pair.after.standing) ?? new Map<Standing | undefined, { gain: Gain | undefined }>();
    this.#known.set(pair.after.standing, ofAfter);
    const known = ofAfter.get(pair.before?.standing) ?? { gain: await this.#find(pair) };
    ofAfter.set(pair.before?.standing, known);
    return known.gain;
  }

  /** Whether there is anything is found quickly, and by what rights only where there is. */
  async #find(pair: Pair): Promise<Gain | undefined> {
    return (await this.#gains(pair)) ? this.#tell(pair) : undefined;
  }

  async #gains({ before, after }: Pair): Promise<boolean> {
    const probes = await this.#probes.of([
      [this.#before, before],
      [this.#after, after],
    ]);
    for (const [oldProbe, probe] of probes) {
      const old = before === undefined ? NO_ABILITIES : await this.#before.abilitiesOf(before, oldProbe);
      // Who has everything gets nothing more, and whoever can give itself rights now comes to keys that were closed to it.
      if (has(old, ESCALATES)) return false;
      const now = await this.#after.abilitiesOf(after, probe);
      if (has(now, ESCALATES) || (areBoth(now) && !areBoth(old))) return true;
    }
    return false;
  }

  async #tell({ before, after }: Pair): Promise<Gain | undefined> {
    const old = before === undefined ? [] : await this.#before.guisesOf(before);
    const now = await this.#after.guisesOf(after);
    const escalation = findEscalation(now);
    if (escalation !== undefined) return { using: escalation, managing: escalation };
    for (const [oldProbe, probe] of this.#probes.ofGuises([...old, ...now])) {
      await this.#turns.give();
      const gain = gainWith({ old, oldProbe, now, probe });
      if (gain !== undefined) return gain;
    }
    return undefined;
  }
}

function gainWith({
  old,
  oldProbe,
  now,
  probe,
}: {
  readonly old: readonly Guise[];
  readonly oldProbe: Probe;
  readonly now: readonly Guise[];
  readonly probe: Probe;
}): Gain | undefined {
  const both = findBothRights(now, probe);
  if (both === undefined || findBothRights(old, oldProbe) !== undefined) return undefined;
  return { ...(probe !== "any key" && { keyId: probe.keyId }), ...both };
}

/** Whether it is by its name that somebody cannot give itself rights: what it may do to itself is harmless. */
export function dependsOnName(person: Person | undefined): boolean {
  return person?.standing.rights.harmless.has(nameOf(person.principal)) === true;
}
