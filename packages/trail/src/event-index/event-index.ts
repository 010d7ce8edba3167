import { TurnTaker } from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import { trail } from "../follower/log-heads.ts";
import type { LogSegment, SegmentContributor, SegmentWrite } from "../follower/log-segment.ts";
import { Column, type ColumnValues, encodeColumn, MalformedColumnError } from "./column.ts";
import { PLACES_COLUMN, VALUE_COLUMNS } from "./index-columns.ts";
import { decodePlaces, encodePlaces } from "./places.ts";
import { joinIndexes, type SegmentIndex, SegmentIndexer } from "./segment-index.ts";

/** A segment that has fewer events, and fewer batches, together with the one before it is stored as one with that. */
const FULL_EVENTS = 4_096;
const FULL_BATCHES = 4_096;

/** What a batch's column `events` has in place of dropped events, in bytes (docs/formats/audit-log.md, "Batches"). */
const DROPPED_BYTES = 33;

/** A stored segment of the index. */
export interface StoredSegment {
  readonly shard: number;
  readonly last_seq: number;
  readonly first_seq: number;
  readonly event_count: number;
  /** Of its events, in seconds since 1970. */
  readonly min_time: number;
  readonly max_time: number;
}

/** Keeps the index that lookups of events go by. */
export const eventIndex: SegmentContributor = {
  name: "event-index",
  begin() {
    const indexer = new SegmentIndexer();
    return {
      add: (event, position) => indexer.add(event, position),
      async finish(segment, db) {
        const index = indexer.finish(segment);
        const before = await readShortSegment(db, segment, index);
        return before === undefined
          ? writeOf(segment, index)
          : writeOf({ ...segment, firstSeq: before.stored.first_seq }, joinIndexes(before.index, index), before.stored);
      },
    };
  },
};

/**
 * Forgets the segments of a log that end before a batch and of which no batch has its events any more: what retention
 * keeps is still found.
 *
 * @param from - segments that end before this batch were looked at the last time.
 */
export async function forgetBefore(db: Kysely<unknown>, shard: number, seq: number, from = 0): Promise<void> {
  const { rows } = await sql<{ last_seq: number }>`
    select last_seq from trail_segment as segment
    where shard = ${shard} and last_seq < ${seq} and last_seq >= ${from} and not exists (
      select 1 from audit_batch as batch
      where batch.shard = segment.shard and batch.seq >= segment.first_seq and batch.seq <= segment.last_seq
        and length(batch.events) <> ${DROPPED_BYTES}
    )`.execute(db);
  for (const { last_seq: lastSeq } of rows) {
    for (const table of ["trail_segment", "trail_column"] as const) {
      await trail(db).deleteFrom(table).where("shard", "=", shard).where("last_seq", "=", lastSeq).execute();
    }
  }
}

/** What writes the index of a segment, in place of `replaced`. */
async function writeOf(
  { shard, firstSeq, lastSeq }: Pick<LogSegment, "shard" | "firstSeq" | "lastSeq">,
  { places, columns }: SegmentIndex,
  replaced?: StoredSegment,
): Promise<SegmentWrite> {
  const turns = new TurnTaker();
  const { seconds } = places;
  let [minTime, maxTime] = [seconds[0] ?? 0, seconds[0] ?? 0];
  for (const time of seconds) {
    minTime = Math.min(minTime, time);
    maxTime = Math.max(maxTime, time);
  }
  const place = { shard, last_seq: lastSeq };
  const rows: { shard: number; last_seq: number; attribute: string; data: Uint8Array }[] = [];
  for (const [attribute, values] of columns) {
    await turns.give();
    rows.push({ ...place, attribute, data: encodeColumn(values) });
  }
  rows.push({ ...place, attribute: PLACES_COLUMN, data: encodePlaces(places, { firstSeq, minTime }) });
  const segment = {
    ...place,
    first_seq: firstSeq,
    event_count: seconds.length,
    min_time: minTime,
    max_time: maxTime,
  };
  return async (db) => {
    if (replaced !== undefined) {
      for (const table of ["trail_segment", "trail_column"] as const) {
        await trail(db)
          .deleteFrom(table)
          .where("shard", "=", shard)
          .where("last_seq", "=", replaced.last_seq)
          .execute();
      }
    }
    await trail(db).insertInto("trail_segment").values(segment).execute();
    await trail(db).insertInto("trail_column").values(rows).execute();
  };
}

/** The segment before a new one, if it is short enough for both to become one, and whole. */
async function readShortSegment(
  db: Kysely<unknown>,
  { shard, firstSeq, batches }: LogSegment,
  { places }: SegmentIndex,
): Promise<{ stored: StoredSegment; index: SegmentIndex } | undefined> {
  const room = FULL_EVENTS - places.seconds.length;
  if (room <= 0) return undefined;
  const stored = await trail(db)
    .selectFrom("trail_segment")
    .selectAll()
    .where("shard", "=", shard)
    .orderBy("last_seq", "desc")
    .limit(1)
    .executeTakeFirst();
  if (stored === undefined || stored.event_count > room || stored.last_seq >= firstSeq) return undefined;
  if (batches.length + (stored.last_seq - stored.first_seq) > FULL_BATCHES) return undefined;
  const rows = await trail(db)
    .selectFrom("trail_column")
    .select(["attribute", "data"])
    .where("shard", "=", shard)
    .where("last_seq", "=", stored.last_seq)
    .execute();
  const index = openIndex(stored, new Map(rows.map(({ attribute, data }) => [attribute, data])));
  return index && { stored, index };
}

/** A stored index as a whole; `undefined` if part of it is not there, or not what was written. */
function openIndex(stored: StoredSegment, data: ReadonlyMap<string, Uint8Array>): SegmentIndex | undefined {
  try {
    const places = data.get(PLACES_COLUMN);
    if (places === undefined) return undefined;
    const columns = new Map<string, ColumnValues>();
    for (const name of VALUE_COLUMNS) {
      const column = data.get(name);
      if (column === undefined) return undefined;
      const opened = new Column(column);
      if (opened.positions !== stored.event_count) return undefined;
      columns.set(name, opened.values());
    }
    const base = { firstSeq: stored.first_seq, minTime: stored.min_time };
    return { places: decodePlaces(places, base), columns };
  } catch (error) {
    if (error instanceof MalformedColumnError) return undefined;
    throw error;
  }
}
