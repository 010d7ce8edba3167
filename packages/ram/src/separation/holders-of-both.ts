import type { RequestContext, TurnTaker } from "@cinnabar/kernel";
import type { PolicyPrincipal } from "@cinnabar/policy";
import { type Page, type Paged, toPaged } from "../paging.ts";
import { areBoth } from "./abilities.ts";
import { isAboutKeys, namedIn } from "./affected.ts";
import { type BothRights, findBothRights } from "./both-rights.ts";
import { dependsOnName } from "./find-conflicts.ts";
import type { KeyPlace, Probe } from "./key-rights.ts";
import { nameOf, namesIn } from "./named-principals.ts";
import { eachOnce, outsidersIn } from "./outsiders.ts";
import { type Member, MemberSet, RightsData } from "./rights-data.ts";
import type { Standing } from "./role-graph.ts";
import { type Person, RightsWorld } from "./rights-world.ts";

/** Somebody who may both use a key and manage it, and by which rights. */
export interface HolderOfBoth extends BothRights {
  readonly principal: PolicyPrincipal;
}

/**
 * Everybody but the account's root who may both use a key and manage it as it is now, by what refuses changes after which
 * somebody could: the account's users, then its roles, then whoever is of elsewhere, each in the order of the ARNs.
 *
 * @param turns - are given at every step.
 */
export async function findHoldersOfBoth(
  context: RequestContext,
  {
    place,
    probe,
    page,
    turns,
  }: { readonly place: KeyPlace; readonly probe: Probe; readonly page: Page; readonly turns: TurnTaker },
): Promise<Paged<HolderOfBoth>> {
  const { accountId } = place;
  const data = new RightsData(context, { accountId, turns });
  const world = new RightsWorld(data, place);
  const policy = probe === "any key" ? undefined : probe.policy;
  const { members: named, missing } = await namedIn([policy], data);
  const everybody = new MemberSet();
  for (const member of [...(await data.holders(isAboutKeys)), ...named]) everybody.add(member);
  const outsiders = eachOnce([...(await world.outsiders()).all, ...outsidersIn(policy, accountId)]);
  await data.load(everybody.all);
  await world.enter(everybody.all, outsiders);

  const found: Person[] = [];
  const ask = async (person: Person): Promise<boolean> => {
    await turns.give();
    return areBoth(await world.abilitiesOf(person, probe));
  };
  const members: Member[] = [];
  for (const member of everybody.all) {
    const person = world.personOf(member);
    if (person !== undefined && (await ask(person))) members.push(member);
  }
  await data.nameUsers(members.flatMap(({ kind, id }) => (kind === "user" ? [id] : [])));
  found.push(...members.flatMap((member) => world.personOf(member) ?? []));
  for (const person of [
    ...missing.map((name) => world.missing(name)),
    ...outsiders.map((outsider) => world.outsider(outsider)),
  ]) {
    if (await ask(person)) found.push(person);
  }
  const behind = found
    .map((person) => ({ person, at: placeOf(person, accountId) }))
    .filter(({ at }) => at > (page.after ?? ""))
    .toSorted((one, other) => (one.at < other.at ? -1 : 1));
  const { items, next } = toPaged(page, behind, ({ at }) => at);
  return { items: await new Reasons(world, { probe, turns }).of(items.map(({ person }) => person)), next };
}

/** In the order of places the account's own users come first, then its roles. */
function placeOf({ principal: { kind, accountId, arn } }: Person, ownAccountId: string): string {
  if (accountId !== ownAccountId) return `2/${arn}`;
  return `${kind === "user" ? 0 : 1}/${arn}`;
}

/** By which rights somebody has both: found once for all of the same standing on whose name nothing depends. */
class Reasons {
  readonly #world: RightsWorld;
  readonly #probe: Probe;
  readonly #turns: TurnTaker;
  readonly #known = new Map<Standing, BothRights | undefined>();

  constructor(world: RightsWorld, { probe, turns }: { readonly probe: Probe; readonly turns: TurnTaker }) {
    this.#world = world;
    this.#probe = probe;
    this.#turns = turns;
  }

  async of(people: readonly Person[]): Promise<readonly HolderOfBoth[]> {
    const told: HolderOfBoth[] = [];
    for (const person of people) {
      await this.#turns.give();
      const both = await this.#bothOf(person);
      if (both !== undefined) told.push({ principal: person.principal, ...both });
    }
    return told;
  }

  async #bothOf(person: Person): Promise<BothRights | undefined> {
    const { principal, standing } = person;
    const probe = this.#probe;
    const isNamed = probe !== "any key" && namesIn(probe.policy).has(nameOf(principal));
    if (isNamed || dependsOnName(person)) return this.#find(person);
    const both = this.#known.get(standing) ?? (await this.#find(person));
    this.#known.set(standing, both);
    return both;
  }

  async #find(person: Person): Promise<BothRights | undefined> {
    return findBothRights(await this.#world.guisesOf(person), this.#probe);
  }
}
