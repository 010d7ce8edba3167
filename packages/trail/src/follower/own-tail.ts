import type { WrittenBatch } from "@cinnabar/kernel";
import { type DigestedEvent, parseEventRecord, toSeconds } from "../events/event-record.ts";
import type { LogSegment, SegmentContributor, SegmentDigest } from "./log-segment.ts";

/** A segment that was read or digested as it was written, and the leaves of its log up to its end. */
export interface ReadSegment {
  readonly segment: LogSegment;
  readonly leaves: number;
  readonly digests: readonly SegmentDigest[];
}

/** Longer than this, what nobody has sealed is forgotten: it can be read from the log. */
const MAX_EVENTS = 16_384;
const MAX_BATCHES = 1_024;
/** So long after the follower was here the last time, another node's follows the logs, in milliseconds. */
const WANTED_MILLIS = 5_000;

/**
 * The tail of the log that this process writes, shown to the contributors as it is written. To read it back from the
 * store, decompress and parse it would cost several times as much.
 */
export class OwnTail {
  readonly #contributors: readonly SegmentContributor[];
  #open: OpenSegment | undefined;
  #wantedUntil = 0;

  constructor(contributors: readonly SegmentContributor[]) {
    this.#contributors = contributors;
  }

  /** Takes a batch that stands in the log. Returns at once; never throws but for a defect. */
  add({ shard, seq, leaves, events }: WrittenBatch): void {
    if (performance.now() > this.#wantedUntil) {
      this.#open = undefined;
      return;
    }
    let open = this.#open;
    if (open === undefined || !open.takes(shard, seq)) {
      open = this.#open = new OpenSegment(this.#contributors, { shard, firstSeq: seq });
    }
    open.add({ seq, leaves, events });
  }

  /** From which batch on it has the tail of a log; `undefined` if it has none of it. Keeps it taking batches for a while. */
  firstOf(shard: number): number | undefined {
    this.#wantedUntil = performance.now() + WANTED_MILLIS;
    return this.#open?.shard === shard ? this.#open.firstSeq : undefined;
  }

  /** Hands over all it has of a log's tail, if that begins with this batch. What is written from now on is the next segment. */
  take(shard: number, firstSeq: number): ReadSegment | undefined {
    const open = this.#open;
    if (open?.shard !== shard || open.firstSeq !== firstSeq) return undefined;
    this.#open = undefined;
    return open.end();
  }
}

class OpenSegment {
  readonly shard: number;
  readonly firstSeq: number;
  readonly #digests: readonly SegmentDigest[];
  readonly #batches: { seq: number; eventCount: number }[] = [];
  #events = 0;
  #leaves = 0;

  constructor(
    contributors: readonly SegmentContributor[],
    place: { readonly shard: number; readonly firstSeq: number },
  ) {
    this.shard = place.shard;
    this.firstSeq = place.firstSeq;
    this.#digests = contributors.map((contributor) => contributor.begin());
  }

  takes(shard: number, seq: number): boolean {
    const isNext = shard === this.shard && seq === this.firstSeq + this.#batches.length;
    return isNext && this.#events < MAX_EVENTS && this.#batches.length < MAX_BATCHES;
  }

  add({ seq, leaves, events }: Pick<WrittenBatch, "seq" | "leaves" | "events">): void {
    for (const { text, event } of events) {
      const digested =
        event === undefined ? readEvent(text) : { record: event, seconds: Math.floor(event.eventTime / 1000) };
      if (digested !== undefined) for (const digest of this.#digests) digest.add(digested, this.#events);
      this.#events++;
    }
    this.#batches.push({ seq, eventCount: events.length });
    this.#leaves = leaves;
  }

  end(): ReadSegment {
    const lastSeq = this.firstSeq + this.#batches.length - 1;
    const segment = { shard: this.shard, firstSeq: this.firstSeq, lastSeq, batches: this.#batches };
    return { segment, leaves: this.#leaves, digests: this.#digests };
  }
}

function readEvent(text: string): DigestedEvent | undefined {
  const record = parseEventRecord(text);
  return record && { record, seconds: toSeconds(record.eventTime) };
}
