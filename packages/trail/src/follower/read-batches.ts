import { MalformedBatchError, openEvents, TurnTaker } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { parseEventRecord, type ParsedEvent, toSeconds } from "../events/event-record.ts";
import { trail } from "./log-heads.ts";

/** Batches that one statement reads: at most some megabytes. */
const PAGE_BATCHES = 128;
/** More events than any batch has: a row that says so was edited, and must not exhaust memory. */
const MAX_BATCH_EVENTS = 8_192;

/** Consecutive batches of a log. */
export interface BatchRange {
  readonly shard: number;
  /** The batch before the first one, or 0. */
  readonly after: number;
  readonly last: number;
}

/** A batch's events as text; none if retention has dropped them, or if they cannot be read, which `audit verify` reports. */
export interface LogBatch {
  readonly seq: number;
  /** Store time in milliseconds. */
  readonly time: number;
  /** Leaves of the log up to the end of the batch. */
  readonly leaves: number;
  readonly events: readonly string[];
}

interface StoredBatch {
  readonly seq: number;
  readonly time: number;
  readonly first_index: number;
  readonly event_count: number;
  readonly events: Uint8Array;
}

/** The batches of a range, in order, in constant memory; those that are not there are passed over. */
export async function* readBatches(db: Kysely<unknown>, { shard, after, last }: BatchRange): AsyncGenerator<LogBatch> {
  const turns = new TurnTaker();
  for (let done = after; done < last;) {
    const rows = await trail(db)
      .selectFrom("audit_batch")
      .select(["seq", "time", "first_index", "event_count", "events"])
      .where("shard", "=", shard)
      .where("seq", ">", done)
      .where("seq", "<=", last)
      .orderBy("seq")
      .limit(PAGE_BATCHES)
      .execute();
    const end = rows.at(-1);
    if (end === undefined) return;
    for (const row of rows) {
      await turns.give();
      yield open(row);
    }
    done = end.seq;
  }
}

/** The events of one batch as text, as {@link LogBatch} has them. */
export function openStoredEvents(row: Pick<StoredBatch, "events" | "event_count">): readonly string[] {
  if (row.event_count > MAX_BATCH_EVENTS) return [];
  try {
    return openEvents({ events: row.events, eventCount: row.event_count }) ?? [];
  } catch (error) {
    if (error instanceof MalformedBatchError) return [];
    throw error;
  }
}

function open(row: StoredBatch): LogBatch {
  const { seq, time } = row;
  return { seq, time, leaves: row.first_index + row.event_count + 1, events: openStoredEvents(row) };
}

/** The event at a place; `undefined` if its text is not an event. */
export function parseEventAt(
  place: Pick<ParsedEvent, "shard" | "seq" | "index">,
  text: string,
): ParsedEvent | undefined {
  const record = parseEventRecord(text);
  if (record === undefined) return undefined;
  const { shard, seq, index } = place;
  return { shard, seq, index, seconds: toSeconds(record.eventTime), record };
}
