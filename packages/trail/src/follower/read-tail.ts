import type { Kysely } from "kysely";
import type { ParsedEvent } from "../events/event-record.ts";
import { type LogHead, readLogHeads } from "./log-heads.ts";
import { parseEventAt, readBatches } from "./read-batches.ts";

/**
 * The events that the follower has not come to yet, of all logs, each log in its order: at most some thousand for each
 * log, unless the follower has just begun.
 *
 * Who adds them to what was derived from the followed part needs both as of one moment: then `db` is a connection of a
 * snapshot transaction, and reads the derived rows too.
 */
export async function* readTail(db: Kysely<unknown>): AsyncGenerator<ParsedEvent> {
  for (const head of await readLogHeads(db)) yield* readTailOf(db, head);
}

/** The same of one log, up to its head. */
async function* readTailOf(
  db: Kysely<unknown>,
  { shard, followed, seq: last }: Pick<LogHead, "shard" | "followed" | "seq">,
): AsyncGenerator<ParsedEvent> {
  for await (const { seq, events } of readBatches(db, { shard, after: followed, last })) {
    for (const [index, text] of events.entries()) {
      const event = parseEventAt({ shard, seq, index }, text);
      if (event !== undefined) yield event;
    }
  }
}
