import type { Backend } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import type { DigestedEvent } from "../events/event-record.ts";

/** A run of consecutive batches of one log, some thousand events together. */
export interface LogSegment {
  /** 0 for the control log. */
  readonly shard: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Every batch from the first to the last, also one whose events were dropped or cannot be read: then 0 events. */
  readonly batches: readonly { readonly seq: number; readonly eventCount: number }[];
}

/** Writes what a segment came to, within the transaction that seals it. @param kind - of the database. */
export type SegmentWrite = (db: Kysely<unknown>, kind: Backend["kind"]) => Promise<void>;

/** What one segment comes to, as it is read. It keeps what it needs of an event, not the event: there are thousands. */
export interface SegmentDigest {
  /**
   * Takes the next event, in the order of the log. What is not an event's JSON object is left out.
   *
   * @param position - of the event among all entries of the segment's batches, from 0.
   */
  add(event: DigestedEvent, position: number): void;
  /**
   * After the last event. What costs time belongs here and into {@link add}: on SQLite no batch commits during the
   * transaction. `db` reads.
   *
   * @returns what to write in the transaction, with few statements.
   */
  finish(segment: LogSegment, db: Kysely<unknown>): Promise<SegmentWrite> | SegmentWrite;
}

/**
 * Something that is derived from the log: it is shown every batch of every log once, in the order of each log.
 *
 * What it writes commits together with the follower's position, so each segment counts exactly once, whichever node
 * follows the log and whatever crashes.
 */
export interface SegmentContributor {
  /** For log lines. */
  readonly name: string;
  /** Begins with a segment, outside of any transaction, maybe more than once for the same events. */
  begin(): SegmentDigest;
}
