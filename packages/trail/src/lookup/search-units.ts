import { ApiError } from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import type { StoredSegment } from "../event-index/event-index.ts";
import { type LogHead, trail } from "../follower/log-heads.ts";
import type { BatchRange } from "../follower/read-batches.ts";
import type { EventQuery } from "./event-query.ts";

/** A part of a log that is searched as one, and the times between which its events are, in seconds since 1970. */
export interface SearchUnit {
  readonly oldest: number;
  readonly newest: number;
  readonly part: SegmentPart | TailPart;
}

/** A segment of the index. */
export interface SegmentPart {
  readonly kind: "segment";
  readonly segment: StoredSegment;
  /** Its batches beyond this one belong to the log's tail. */
  readonly last: number;
}

/** Batches that the index does not have yet. */
export interface TailPart {
  readonly kind: "tail";
  readonly range: BatchRange;
}

/** Batches of a tail that are searched at once: what is looked for is often in the newest ones. */
const TAIL_BATCHES = 64;
/** A longer tail than this means that the index is only being made, as after an upgrade. */
const MAX_TAIL_BATCHES = 65_536;
/** Most segments of the index that one call goes through. */
const MAX_SEGMENTS = 8_192;
/** How much later than its events a batch may be: a call is answered or given up within two seconds. */
const BATCH_DELAY_SECONDS = 60;

/** What has to be searched for a query, in its direction. */
export interface SearchPlan {
  readonly units: readonly SearchUnit[];
  /** The last segment listed, if there may be more after it. */
  readonly cutAt: SearchUnit | undefined;
}

/**
 * Lists the parts of the logs that can hold what is looked for, as of the moment of `heads`: what is committed later is
 * not looked at, so that the answer is that of one moment.
 *
 * @throws ApiError `ServiceUnavailableTemporary` while the index of a log that was there before is being made.
 */
export async function planSearch(
  db: Kysely<unknown>,
  heads: readonly LogHead[],
  query: EventQuery,
): Promise<SearchPlan> {
  const tails = await listTails(db, heads, query);
  const segments = await listSegments(db, heads, query);
  const units = [...tails, ...segments];
  const bound = query.direction === "FORWARD" ? byOldest : byNewest;
  units.sort(bound);
  const cutAt = segments.length === MAX_SEGMENTS ? segments.at(-1) : undefined;
  return { units: cutAt === undefined ? units : units.filter((unit) => bound(unit, cutAt) < 0), cutAt };
}

function byOldest(one: SearchUnit, other: SearchUnit): number {
  return one.oldest - other.oldest;
}

function byNewest(one: SearchUnit, other: SearchUnit): number {
  return other.newest - one.newest;
}

async function listSegments(
  db: Kysely<unknown>,
  heads: readonly LogHead[],
  { from, to, direction }: EventQuery,
): Promise<SearchUnit[]> {
  const followed = new Map(heads.map((head) => [head.shard, head.followed]));
  const rows = await trail(db)
    .selectFrom("trail_segment")
    .selectAll()
    .where("max_time", ">=", from)
    .where("min_time", "<=", to)
    .orderBy(direction === "FORWARD" ? "min_time" : "max_time", direction === "FORWARD" ? "asc" : "desc")
    .limit(MAX_SEGMENTS)
    .execute();
  return rows.map((segment) => ({
    oldest: segment.min_time,
    newest: segment.max_time,
    // A segment that was sealed after the heads were read, or grew since, has batches that are searched as a tail.
    part: { kind: "segment", segment, last: followed.get(segment.shard) ?? 0 },
  }));
}

interface TailRow {
  readonly shard: number;
  readonly first: number;
  readonly last: number;
  readonly min_time: number;
  readonly max_time: number;
}

async function listTails(
  db: Kysely<unknown>,
  heads: readonly LogHead[],
  { from, to }: EventQuery,
): Promise<SearchUnit[]> {
  const tails = heads.filter(({ tail }) => tail.batches > 0);
  if (tails.some(({ tail }) => tail.batches > MAX_TAIL_BATCHES)) {
    throw new ApiError(
      "ServiceUnavailableTemporary",
      "The index of events is being made. Send the request again later.",
    );
  }
  if (tails.length === 0) return [];
  const chunk = sql`(seq / ${sql.lit(TAIL_BATCHES)})`;
  const chunks = tails.map(
    ({ shard, followed, seq }) => sql`
      select ${sql.lit(shard)} as shard, min(seq) as first, max(seq) as last, min(time) as min_time, max(time) as max_time
      from audit_batch where shard = ${shard} and seq > ${followed} and seq <= ${seq} group by ${chunk}`,
  );
  const { rows } = await sql<TailRow>`${sql.join(chunks, sql` union all `)}`.execute(db);
  return rows
    .map((row): SearchUnit => ({
      oldest: Math.floor(row.min_time / 1000) - BATCH_DELAY_SECONDS,
      newest: Math.floor(row.max_time / 1000),
      part: { kind: "tail", range: { shard: row.shard, after: row.first - 1, last: row.last } },
    }))
    .filter(({ oldest, newest }) => newest >= from && oldest <= to);
}
