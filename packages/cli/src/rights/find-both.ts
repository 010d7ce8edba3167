import type { Access, Accessor, Certainty } from "./access.ts";

/** Somebody who may use a key and manage it as well. */
export interface HolderOfBoth {
  readonly type: string;
  readonly arn: string;
  readonly name: string;
  readonly accountId?: string;
  readonly needsOwnPolicies: boolean;
  readonly using: readonly Held[];
  readonly managing: readonly Held[];
}

/** A right that somebody has. */
export interface Held {
  readonly action: string;
  readonly certainty: Certainty;
  /** ARNs of the roles that are assumed for it, one after the other; none if the right is its own. */
  readonly roles: readonly string[];
}

/**
 * Everybody but the account's root who may do one of the one kind and one of the other, be it by assuming roles. Of several
 * ways to a right the most certain one is told, and of these the shortest.
 */
export function findBoth(
  access: Access,
  { using, managing }: { readonly using: readonly string[]; readonly managing: readonly string[] },
): HolderOfBoth[] {
  const everybody = new Map(
    [...access.principals, ...Object.values(access.assumers).flat()]
      .filter(({ type }) => type !== "RootUser")
      .map((accessor) => [accessor.arn, accessor]),
  );
  return [...everybody.values()].flatMap((accessor) => {
    const held = rightsOf(access, accessor);
    const among = (names: readonly string[]) => names.flatMap((name) => held.get(name) ?? []);
    const [used, managed] = [among(using), among(managing)];
    const { groups: _groups, actions: _actions, ...who } = accessor;
    return used.length === 0 || managed.length === 0 ? [] : [{ ...who, using: used, managing: managed }];
  });
}

/** Whoever somebody is, or can become. */
interface Guise {
  readonly who: Accessor;
  readonly certainty: Certainty;
  readonly roles: readonly string[];
}

/** What somebody may do, role by role. */
function rightsOf(access: Access, accessor: Accessor): ReadonlyMap<string, Held> {
  const held = new Map<string, Held>();
  const seen = new Set<string>();
  let guises: readonly Guise[] = [{ who: accessor, certainty: "Always", roles: [] }];
  while (guises.length > 0) {
    const next: Guise[] = [];
    for (const guise of guises) {
      const { who, certainty, roles } = guise;
      // With certainty and without are two different ways.
      if (seen.has(`${certainty} ${who.arn}`)) continue;
      seen.add(`${certainty} ${who.arn}`);
      for (const [action, known] of ownRights(access.principals, who)) {
        const right = { action, certainty: both(certainty, known), roles };
        if (isBetter(right, held.get(action))) held.set(action, right);
      }
      for (const [arn, assumers] of Object.entries(access.assumers)) {
        const known = ownRights(assumers, who).get("sts:AssumeRole");
        const role = known && { type: "Role", arn, name: "", needsOwnPolicies: false, groups: [], actions: [] };
        if (role !== undefined) next.push({ who: role, certainty: both(certainty, known), roles: [...roles, arn] });
      }
    }
    guises = next;
  }
  return held;
}

/** What a list allows to somebody by name, or as a member of its account. */
function ownRights(
  listed: readonly Accessor[],
  who: Pick<Accessor, "arn" | "accountId">,
): ReadonlyMap<string, Certainty> {
  const rights = new Map<string, Certainty>();
  for (const { type, arn, accountId, actions } of listed) {
    const isMember = type === "Account" && accountId !== undefined && accountId === who.accountId;
    if (arn !== who.arn && !isMember) continue;
    for (const { name, certainty, except } of actions) {
      const excepted = except.find((member) => member.arn === who.arn);
      if (excepted?.certainty === "Always") continue;
      const found = excepted === undefined ? certainty : "Perhaps";
      if (rights.get(name) !== "Always") rights.set(name, found);
    }
  }
  return rights;
}

function both(one: Certainty, other: Certainty | undefined): Certainty {
  return one === "Always" && other === "Always" ? "Always" : "Perhaps";
}

/** Ways are found in the order of their length. */
function isBetter({ certainty }: Held, known: Held | undefined): boolean {
  return known === undefined || (known.certainty === "Perhaps" && certainty === "Always");
}
