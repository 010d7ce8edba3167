import type { Backend } from "@cinnabar/kernel";
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { BatchRange } from "../follower/read-batches.ts";
import {
  admit,
  BOUNDED_FACETS,
  type BoundedFacet,
  DAY_MILLIS,
  dayOf,
  emptyCounts,
  FACETS,
  KEPT_DAYS,
  type KeyCounts,
  MAX_NAMES,
  type Outcome,
  OUTCOMES,
  type Tally,
  tallyOf,
} from "./usage-counts.ts";

interface CountColumns {
  /** `uses` or `refusals`. */
  readonly outcome: string;
  readonly count: number;
}
interface UsageRow extends CountColumns {
  readonly key_id: string;
  /** One of {@link FACETS}, or what is counted beside them: {@link OTHERS}, {@link UNNAMED_CONTEXTS}. */
  readonly facet: string;
  /** Within the facet; empty beside them. */
  readonly name: string;
  readonly first_at: number;
  readonly last_at: number;
}
interface DayRow extends CountColumns {
  /** Days since 1970 in UTC. */
  readonly day: number;
  readonly key_id: string;
}
type UsageSchema = { key_usage: UsageRow; key_usage_day: DayRow };

const OTHERS = { principal: "other-principal", context: "other-context", resource: "other-resource" } as const;
const UNNAMED_CONTEXTS = "unnamed-context";
/** Facets of rows that are read together with those of `key_usage`. */
const DAY = "day";
const FOLLOWED = "followed";
const RECOUNT = "recount";

/** Of one statement: some hundred kilobytes of JSON. */
const ROWS_PER_STATEMENT = 1_000;

/**
 * Adds the uses of a segment of the log, by key. For the transaction that takes the follower past the segment, so that
 * every use is counted once.
 */
export async function addUsage(
  db: Kysely<unknown>,
  { kind, segment }: { readonly kind: Backend["kind"]; readonly segment: ReadonlyMap<string, KeyCounts> },
): Promise<void> {
  const tables = usage(db);
  const bounded = await boundNames(tables, segment);
  for (const rows of chunks(inOneOrder([...bounded].flatMap(toUsageRows)), ROWS_PER_STATEMENT)) {
    // Not least() and greatest(), which SQLite calls otherwise. Without a condition, it takes the conflict for a join's.
    await sql`
      insert into key_usage (key_id, facet, name, outcome, count, first_at, last_at)
      select value ->> 0, value ->> 1, value ->> 2, value ->> 3,
        cast(value ->> 4 as bigint), cast(value ->> 5 as bigint), cast(value ->> 6 as bigint)
      from ${elements(kind, rows)} where true
      on conflict (key_id, facet, name, outcome) do update set
        count = key_usage.count + excluded.count,
        first_at = case when excluded.first_at < key_usage.first_at then excluded.first_at else key_usage.first_at end,
        last_at = case when excluded.last_at > key_usage.last_at then excluded.last_at else key_usage.last_at end
    `.execute(db);
  }
  const days = [...segment].flatMap(toDayRows);
  for (const rows of chunks(inOneOrder(days), ROWS_PER_STATEMENT)) {
    await sql`
      insert into key_usage_day (day, key_id, outcome, count)
      select cast(value ->> 0 as bigint), value ->> 1, value ->> 2, cast(value ->> 3 as bigint)
      from ${elements(kind, rows)} where true
      on conflict (day, key_id, outcome) do update set count = key_usage_day.count + excluded.count
    `.execute(db);
  }
  const lastDay = days.reduce((last, [day]) => Math.max(last, day), 0);
  await tables
    .deleteFrom("key_usage_day")
    .where("day", "<=", lastDay - KEPT_DAYS)
    .execute();
}

/** A key's uses in the first part of each log. What stands there never changes, so neither do they. */
export interface UsageUpTo {
  readonly counts: KeyCounts;
  /** By log, the last batch that is in it, and the leaves up to its end. */
  readonly places: ReadonlyMap<number, { readonly seq: number; readonly leaves: number }>;
  /** Parts of what is in it of which some operations are not, each with its events. */
  readonly uncounted: readonly (BatchRange & { readonly events: number })[];
}

/** What was added up of a key's uses: read with one statement, since each has a snapshot of its own. */
export async function readUsage(
  db: Kysely<unknown>,
  { keyId, now }: { readonly keyId: string; readonly now: number },
): Promise<UsageUpTo> {
  const since = Math.floor(now / DAY_MILLIS) - KEPT_DAYS + 1;
  const { rows } = await sql<Omit<UsageRow, "key_id">>`
    select facet, name, outcome, count, first_at, last_at from key_usage where key_id = ${keyId}
    union all
    select ${sql.lit(DAY)}, '', outcome, count, day, day from key_usage_day where key_id = ${keyId} and day >= ${since}
    union all
    select ${sql.lit(FOLLOWED)}, '', '', leaves, shard, seq from trail_follower
    union all
    select ${sql.lit(RECOUNT)}, cast(shard as text), '', last_leaves - leaves - (last_seq - seq), seq, last_seq
    from key_usage_recount`.execute(db);
  const counts = emptyCounts();
  const places = new Map<number, { seq: number; leaves: number }>();
  const uncounted: UsageUpTo["uncounted"][number][] = [];
  for (const { facet, name, outcome, count, first_at: firstAt, last_at: lastAt } of rows) {
    if (facet === FOLLOWED) places.set(firstAt, { seq: lastAt, leaves: count });
    else if (facet === RECOUNT) uncounted.push({ shard: Number(name), after: firstAt, last: lastAt, events: count });
    else if (facet === DAY) dayOf(counts, firstAt)[toOutcome(outcome)] = count;
    else facetTally(counts, { facet, name })[toOutcome(outcome)] = { count, firstAt, lastAt };
  }
  return { counts, places, uncounted };
}

/** The counts as they are to be added: without new names for which there is no room any more. */
async function boundNames(
  tables: Kysely<UsageSchema>,
  segment: ReadonlyMap<string, KeyCounts>,
): Promise<ReadonlyMap<string, KeyCounts>> {
  const known = await countNames(tables, [...segment.keys()]);
  const bounded = new Map(segment);
  for (const [keyId, counts] of segment) {
    for (const facet of BOUNDED_FACETS) {
      const names = counts.names[facet];
      const room = MAX_NAMES - (known.get(`${facet} ${keyId}`) ?? 0);
      if (names.size <= room) continue;
      const { names: otherNames, others, ...rest } = bounded.get(keyId) ?? counts;
      const more = structuredClone(others[facet]);
      const listed = await readNames(tables, { keyId, facet });
      const admitted = admit(names, { known: listed, room, others: more });
      bounded.set(keyId, {
        ...rest,
        names: { ...otherNames, [facet]: new Map(admitted) },
        others: { ...others, [facet]: more },
      });
    }
  }
  return bounded;
}

/** How many names of each bounded facet are counted by themselves, by facet and key. */
async function countNames(tables: Kysely<UsageSchema>, keyIds: readonly string[]): Promise<Map<string, number>> {
  const counted = new Map<string, number>();
  for (const some of chunks(keyIds, ROWS_PER_STATEMENT)) {
    const rows = await tables
      .selectFrom("key_usage")
      .select(["key_id", "facet", sql<number>`count(distinct name)`.as("names")])
      .where("key_id", "in", some)
      .where("facet", "in", BOUNDED_FACETS)
      .groupBy(["key_id", "facet"])
      .execute();
    for (const { key_id: keyId, facet, names } of rows) counted.set(`${facet} ${keyId}`, names);
  }
  return counted;
}

async function readNames(
  tables: Kysely<UsageSchema>,
  { keyId, facet }: { readonly keyId: string; readonly facet: BoundedFacet },
): Promise<ReadonlySet<string>> {
  const rows = await tables
    .selectFrom("key_usage")
    .select("name")
    .distinct()
    .where("key_id", "=", keyId)
    .where("facet", "=", facet)
    .execute();
  return new Set(rows.map(({ name }) => name));
}

/**
 * Rows as JSON arrays, sorted by their primary keys, which they begin with. Whoever writes some of the same rows meanwhile
 * comes to them in the same order, and waits: in another one, each could wait for the other.
 */
function inOneOrder(rows: readonly (readonly (string | number)[])[]): string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}

/**
 * Rows as a table of one column, `value`, with one JSON array each. As parameters of their own, a segment's thousands of
 * values would cost more than all the rest of following the log.
 */
function elements(kind: Backend["kind"], rows: readonly string[]): RawBuilder<unknown> {
  const json = `[${rows.join(",")}]`;
  return kind === "sqlite"
    ? sql`json_each(${json})`
    : sql`jsonb_array_elements(cast(${json} as jsonb)) as rows (value)`;
}

/** In the order of the columns of `key_usage`. */
function toUsageRows([keyId, counts]: readonly [string, KeyCounts]): (string | number)[][] {
  const rows: (string | number)[][] = [];
  const push = (facet: string, name: string, tally: Tally) => {
    for (const outcome of OUTCOMES) {
      const counted = tally[outcome];
      if (counted === undefined) continue;
      const { count, firstAt, lastAt } = counted;
      rows.push([keyId, facet, name, outcome, count, firstAt, lastAt]);
    }
  };
  for (const facet of FACETS) for (const [name, tally] of counts.names[facet]) push(facet, name, tally);
  for (const facet of BOUNDED_FACETS) push(OTHERS[facet], "", counts.others[facet]);
  push(UNNAMED_CONTEXTS, "", counts.unnamedContexts);
  return rows;
}

/** In the order of the columns of `key_usage_day`. */
function toDayRows([keyId, { days }]: readonly [string, KeyCounts]): [number, string, Outcome, number][] {
  return [...days].flatMap(([day, counted]) =>
    OUTCOMES.filter((outcome) => counted[outcome] > 0).map((outcome): [number, string, Outcome, number] => [
      day,
      keyId,
      outcome,
      counted[outcome],
    ]),
  );
}

/** @throws RangeError if {@link addUsage} did not write it. */
function facetTally(counts: KeyCounts, { facet, name }: Pick<UsageRow, "facet" | "name">): Tally {
  if (facet === UNNAMED_CONTEXTS) return counts.unnamedContexts;
  for (const bounded of BOUNDED_FACETS) if (facet === OTHERS[bounded]) return counts.others[bounded];
  const known = FACETS.find((known) => known === facet);
  if (known === undefined) throw new RangeError("key_usage: a row has a facet that this version does not know");
  return tallyOf(counts.names[known], name);
}

/** @throws RangeError if {@link addUsage} did not write it. */
function toOutcome(text: string): Outcome {
  const outcome = OUTCOMES.find((outcome) => outcome === text);
  if (outcome === undefined) throw new RangeError("key_usage: a row has an outcome that this version does not know");
  return outcome;
}

function usage(db: Kysely<unknown>): Kysely<UsageSchema> {
  return db.$extendTables<UsageSchema>();
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
