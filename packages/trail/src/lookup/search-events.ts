import { TurnTaker } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { type EventRecord, parseEventRecord, toSeconds } from "../events/event-record.ts";
import { type LogHead, trail } from "../follower/log-heads.ts";
import { openStoredEvents } from "../follower/read-batches.ts";
import type { Candidate } from "./candidate.ts";
import { CandidateStream } from "./candidate-stream.ts";
import type { ColumnCache } from "./column-cache.ts";
import { type EventQuery, ifWanted, type PageRequest } from "./event-query.ts";
import type { Position } from "./position.ts";
import { planSearch } from "./search-units.ts";
import { UnitReader } from "./unit-reader.ts";

/** A part of a query's answer. */
export interface EventPage {
  readonly events: readonly EventRecord[];
  /** Where the next page goes on; `undefined` if there is nothing more. */
  readonly next: Position | undefined;
}

/** An event that was read and has all that was looked for. */
interface Found {
  readonly position: Position;
  readonly record: EventRecord;
}

/**
 * Searches the logs as they were when `heads` was read. The index says where to look, and what it does not have yet is
 * read whole; but every event of the answer was read from the log and compared.
 *
 * @throws ApiError as {@link planSearch} does.
 */
export async function searchEvents(options: {
  readonly db: Kysely<unknown>;
  readonly cache: ColumnCache;
  readonly heads: readonly LogHead[];
  readonly query: EventQuery;
  readonly page: PageRequest;
}): Promise<EventPage> {
  const { db, cache, heads, page } = options;
  const { limit } = page;
  const query = narrow(options.query, page.after);
  const plan = await planSearch(db, heads, query);
  const reader = new UnitReader({ db, cache, query });
  const stream = new CandidateStream({ reader, query, page, plan });
  const found: Found[] = [];
  for (;;) {
    // One more than a page shows whether there is another.
    const candidates = await stream.take(limit + 1 - found.length);
    if (candidates.length === 0) return { events: found.map(({ record }) => record), next: stream.stoppedAt };
    found.push(...(await verify(db, candidates, query)));
    if (found.length > limit) {
      return { events: found.slice(0, limit).map(({ record }) => record), next: found[limit - 1]?.position };
    }
  }
}

/** The query less what the pages before have answered. */
function narrow(query: EventQuery, after: Position | undefined): EventQuery {
  if (after === undefined) return query;
  return query.direction === "FORWARD"
    ? { ...query, from: Math.max(query.from, after.seconds) }
    : { ...query, to: Math.min(query.to, after.seconds) };
}

/** Reads the events of candidates, in their order, and leaves out what is not what was looked for, or no longer there. */
async function verify(db: Kysely<unknown>, candidates: readonly Candidate[], query: EventQuery): Promise<Found[]> {
  const texts = await readTexts(db, candidates);
  const found: Found[] = [];
  for (const candidate of candidates) {
    const { seconds, shard, seq, index } = candidate;
    const position = { seconds, shard, seq, index };
    if (candidate.record !== undefined) {
      found.push({ position, record: candidate.record });
      continue;
    }
    const text = texts.get(placeOf(candidate));
    const event = text === undefined ? undefined : parseEventRecord(text);
    if (event === undefined || toSeconds(event.eventTime) !== seconds) continue;
    const record = ifWanted(event, query);
    if (record !== undefined) found.push({ position, record });
  }
  return found;
}

async function readTexts(db: Kysely<unknown>, candidates: readonly Candidate[]): Promise<Map<string, string>> {
  const turns = new TurnTaker();
  const texts = new Map<string, string>();
  const unread = candidates.filter(({ record }) => record === undefined);
  for (const [shard, ofShard] of Map.groupBy(unread, (candidate) => candidate.shard)) {
    const bySeq = Map.groupBy(ofShard, ({ seq }) => seq);
    const rows = await trail(db)
      .selectFrom("audit_batch")
      .select(["seq", "event_count", "events"])
      .where("shard", "=", shard)
      .where("seq", "in", [...bySeq.keys()])
      .execute();
    for (const row of rows) {
      await turns.give();
      const events = openStoredEvents(row);
      for (const candidate of bySeq.get(row.seq) ?? []) {
        const text = events[candidate.index];
        if (text !== undefined) texts.set(placeOf(candidate), text);
      }
    }
  }
  return texts;
}

function placeOf({ shard, seq, index }: Position): string {
  return `${shard}/${seq}/${index}`;
}
