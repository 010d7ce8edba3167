import { TurnTaker } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import type { SegmentContributor } from "./log-segment.ts";
import type { ReadSegment } from "./own-tail.ts";
import { type BatchRange, parseEventAt, readBatches } from "./read-batches.ts";

/** Where a segment ends, at the end of a batch. */
const SEGMENT_EVENTS = 16_384;
const SEGMENT_BATCHES = 1_024;
/** Events between two turns of the event loop. */
const TURN_EVENTS = 64;

/** Reads the first segment of a range, and shows it to contributors; `undefined` if there is nothing to read. */
export async function readSegment(
  db: Kysely<unknown>,
  range: BatchRange,
  contributors: readonly SegmentContributor[],
): Promise<ReadSegment | undefined> {
  const { shard } = range;
  const digests = contributors.map((contributor) => contributor.begin());
  const turns = new TurnTaker();
  const batches: { seq: number; eventCount: number }[] = [];
  let [events, leaves] = [0, 0];
  for await (const batch of readBatches(db, range)) {
    for (const [index, text] of batch.events.entries()) {
      if (index % TURN_EVENTS === 0) await turns.give();
      const event = parseEventAt({ shard, seq: batch.seq, index }, text);
      if (event !== undefined) for (const digest of digests) digest.add(event, events + index);
    }
    batches.push({ seq: batch.seq, eventCount: batch.events.length });
    events += batch.events.length;
    ({ leaves } = batch);
    if (events >= SEGMENT_EVENTS || batches.length >= SEGMENT_BATCHES) break;
  }
  const [first, end] = [batches[0], batches.at(-1)];
  if (first === undefined || end === undefined) return undefined;
  return { segment: { shard, firstSeq: first.seq, lastSeq: end.seq, batches }, leaves, digests };
}
