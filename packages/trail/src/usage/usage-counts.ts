import type { KeyUse, Principal } from "./key-use.ts";

/** How often something happened, and when first and last, in store milliseconds. */
export interface Count {
  count: number;
  firstAt: number;
  lastAt: number;
}

export const OUTCOMES = ["uses", "refusals"] as const;
/** Whether a call was answered or refused. */
export type Outcome = (typeof OUTCOMES)[number];

/** A member is missing where there was nothing to count. */
export type Tally = Partial<Record<Outcome, Count>>;

/**
 * What uses are told apart by. `context`, `service` and `resource` count answered calls alone: whoever is refused can name
 * anything.
 */
export const FACETS = ["operation", "version", "principal", "context", "service", "resource"] as const;
export type Facet = (typeof FACETS)[number];

/** Facets of which callers can make up names, so that only so many are counted by themselves. */
export const BOUNDED_FACETS = ["principal", "context", "resource"] as const satisfies readonly Facet[];
export type BoundedFacet = (typeof BOUNDED_FACETS)[number];

/** Names of a bounded facet that are counted by themselves, for each key. */
export const MAX_NAMES = 1_000;

/** Days that are counted by themselves, the present one included. */
export const KEPT_DAYS = 90;
export const DAY_MILLIS = 24 * 60 * 60 * 1000;

type Names = Map<string, Tally>;

/** The uses of one key, added up. */
export interface KeyCounts {
  readonly names: Readonly<Record<Facet, Names>>;
  /** Uses by names beyond the first {@link MAX_NAMES}, once for each such name. */
  readonly others: Readonly<Record<BoundedFacet, Tally>>;
  /** Answered calls whose context's names are not counted one by one. */
  readonly unnamedContexts: Tally;
  /** By days since 1970 in UTC. */
  readonly days: Map<number, Record<Outcome, number>>;
}

export function emptyCounts(): KeyCounts {
  return {
    names: {
      operation: new Map(),
      version: new Map(),
      principal: new Map(),
      context: new Map(),
      service: new Map(),
      resource: new Map(),
    },
    others: { principal: {}, context: {}, resource: {} },
    unnamedContexts: {},
    days: new Map(),
  };
}

/** Adds one use. The names of bounded facets are not bounded here: {@link addCounts} does that. */
export function addUse(counts: KeyCounts, use: KeyUse): void {
  const { operation, version, principal, context, service, resource } = counts.names;
  countOnce(tallyOf(operation, use.operation), use);
  if (use.keyVersionId !== undefined) countOnce(tallyOf(version, use.keyVersionId), use);
  countOnce(tallyOf(principal, nameOf(use.principal)), use);
  dayOf(counts, Math.floor(use.at / DAY_MILLIS))[outcomeOf(use)]++;
  if (use.isRefused) return;
  if (use.contextNames === undefined) countOnce(counts.unnamedContexts, use);
  else for (const name of use.contextNames) countOnce(tallyOf(context, name), use);
  const { usedFor } = use;
  if (usedFor === undefined) return;
  countOnce(tallyOf(service, usedFor.service), use);
  if (usedFor.resource !== undefined)
    countOnce(tallyOf(resource, encodeResource(usedFor.service, usedFor.resource)), use);
}

/**
 * Adds what comes later in the log. Of the names of a bounded facet, those that are not known yet are taken in the order
 * of their first use until there are `maxNames`; all further ones are counted together. So a name that is counted by
 * itself always was, and its counts are exact.
 */
export function addCounts(counts: KeyCounts, more: KeyCounts, maxNames = MAX_NAMES): void {
  for (const facet of FACETS) {
    const names = counts.names[facet];
    let admitted: ReadonlyMap<string, Tally> = more.names[facet];
    if (isBounded(facet)) {
      const others = counts.others[facet];
      admitted = admit(admitted, { known: names, room: maxNames - names.size, others });
      merge(others, more.others[facet]);
    }
    for (const [name, tally] of admitted) merge(tallyOf(names, name), tally);
  }
  merge(counts.unnamedContexts, more.unnamedContexts);
  for (const [day, added] of more.days) {
    const known = dayOf(counts, day);
    for (const outcome of OUTCOMES) known[outcome] += added[outcome];
  }
}

/**
 * The names of a bounded facet that are counted by themselves: those that are known, and as many more as there is room
 * for. The rest is added to `others`.
 */
export function admit(
  names: ReadonlyMap<string, Tally>,
  { known, room, others }: { readonly known: { has(name: string): boolean }; readonly room: number; others: Tally },
): ReadonlyMap<string, Tally> {
  if (names.size <= room) return names;
  const admitted = new Map<string, Tally>();
  const fresh: [string, Tally][] = [];
  for (const entry of names) {
    if (known.has(entry[0])) admitted.set(...entry);
    else fresh.push(entry);
  }
  fresh.sort(byFirstUse);
  for (const [index, [name, tally]] of fresh.entries()) {
    if (index < room) admitted.set(name, tally);
    else merge(others, tally);
  }
  return admitted;
}

function isBounded(facet: Facet): facet is BoundedFacet {
  return BOUNDED_FACETS.some((bounded) => bounded === facet);
}

/** A service's resource as the name that it is counted under. Neither part has spaces. */
function encodeResource(service: string, arn: string): string {
  return `${service} ${arn}`;
}

/** @throws RangeError unless {@link addUse} counted it so. */
export function decodeResource(name: string): { readonly service: string; readonly arn: string } {
  const [service, arn, more] = name.split(" ");
  if (service === undefined || arn === undefined || more !== undefined) {
    throw new RangeError("a resource's name does not have two parts");
  }
  return { service, arn };
}

/** Whose AccessKeys last: a session's is another one each time, and its principal alone is counted. */
const HAVE_ACCESS_KEYS: ReadonlySet<string> = new Set(["root-account", "ram-user"]);

/** The principal as the name that it is counted under. Its parts have no spaces. */
function encodePrincipal({ type, accountId, principalId, accessKeyId }: Principal): string {
  return `${type} ${accountId} ${principalId} ${HAVE_ACCESS_KEYS.has(type) ? (accessKeyId ?? "") : ""}`;
}

let lastPrincipal: Principal | undefined;
let lastName = "";

/** As {@link encodePrincipal}: to join and hash the name for every event is a quarter of what an event costs here. */
function nameOf(principal: Principal): string {
  const { type, accountId, principalId, accessKeyId } = principal;
  const isSame =
    lastPrincipal?.accessKeyId === accessKeyId &&
    lastPrincipal?.principalId === principalId &&
    lastPrincipal.accountId === accountId &&
    lastPrincipal.type === type;
  if (!isSame) {
    lastPrincipal = principal;
    lastName = encodePrincipal(principal);
  }
  return lastName;
}

/** @throws RangeError unless {@link encodePrincipal} gave it. */
export function decodePrincipal(name: string): Principal {
  const [type, accountId, principalId, accessKeyId, more] = name.split(" ");
  if (type === undefined || accountId === undefined || principalId === undefined || more !== undefined) {
    throw new RangeError("a principal's name does not have four parts");
  }
  return { type, accountId, principalId, accessKeyId: accessKeyId === "" ? undefined : accessKeyId };
}

/** Adds to a tally; what is added stays as it is. */
export function merge(tally: Tally, more: Readonly<Tally>): void {
  for (const outcome of OUTCOMES) {
    const added = more[outcome];
    const known = tally[outcome];
    if (added === undefined) continue;
    if (known === undefined) {
      tally[outcome] = { ...added };
    } else {
      known.count += added.count;
      known.firstAt = Math.min(known.firstAt, added.firstAt);
      known.lastAt = Math.max(known.lastAt, added.lastAt);
    }
  }
}

/** The tally of a name, made if there is none yet. */
export function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  let tally = tallies.get(name);
  if (tally === undefined) tallies.set(name, (tally = {}));
  return tally;
}

/** The tally of a day, made if there is none yet. */
export function dayOf({ days }: KeyCounts, day: number): Record<Outcome, number> {
  let tally = days.get(day);
  if (tally === undefined) days.set(day, (tally = { uses: 0, refusals: 0 }));
  return tally;
}

function outcomeOf({ isRefused }: Pick<KeyUse, "isRefused">): Outcome {
  return isRefused ? "refusals" : "uses";
}

function countOnce(tally: Tally, use: Pick<KeyUse, "isRefused" | "at">): void {
  const { at } = use;
  const outcome = outcomeOf(use);
  const known = tally[outcome];
  if (known === undefined) {
    tally[outcome] = { count: 1, firstAt: at, lastAt: at };
    return;
  }
  known.count++;
  if (at < known.firstAt) known.firstAt = at;
  if (at > known.lastAt) known.lastAt = at;
}

function byFirstUse([name, tally]: [string, Tally], [otherName, other]: [string, Tally]): number {
  return firstAt(tally) - firstAt(other) || (name < otherName ? -1 : 1);
}

function firstAt({ uses, refusals }: Tally): number {
  return Math.min(uses?.firstAt ?? Number.MAX_SAFE_INTEGER, refusals?.firstAt ?? Number.MAX_SAFE_INTEGER);
}
