import { CONTROL_SHARD } from "@cinnabar/kernel";
import type { StoredEntry } from "@cinnabar/merkle-log";

/** What identifies a batch: the columns that its header repeats as they are (docs/formats/audit-log.md, "Header"). */
export interface BatchPlace {
  readonly shard: number;
  readonly seq: number;
  /** Hexadecimal. */
  readonly incarnation: string;
  /** Index in the log of the batch's first leaf. */
  readonly firstIndex: number;
  /** Number of events; the batch has one leaf more, its header. */
  readonly eventCount: number;
  readonly epoch: number;
  /** Store time in milliseconds since 1970. */
  readonly time: number;
}

/** One batch as it is stored. Nothing about it is verified. */
export interface LogBatch {
  readonly kind: "batch";
  /** `undefined` if its header cannot be read, which a {@link LogDamage} before it says. */
  readonly place: BatchPlace | undefined;
  /** The canonical JSON of the events that are there; `undefined` if they cannot be read, likewise. */
  readonly events: readonly string[] | undefined;
  /** Whether events of it are not there, but their leaf hashes alone: retention drops them, as the control log says. */
  readonly isDropped: boolean;
  /** Its leaves in order: the events, then the header. */
  readonly leaves: readonly StoredEntry[];
  /** The encoded frontier after it, where the source keeps one. */
  readonly frontier: Uint8Array | undefined;
}

/** Something that cannot be read, or contradicts what stands beside it. Reading goes on after it. */
export interface LogDamage {
  readonly kind: "damage";
  readonly damage: "unreadable" | "tile-mismatch";
  /** The seq of the batch concerned, if it is known. */
  readonly batch: number | undefined;
  /** A sentence for people; holds nothing of the events. */
  readonly detail: string;
}

/** A log's newest signed checkpoint, as it is stored. */
export interface StoredCheckpoint {
  readonly shard: number;
  /** The size that stands beside the note, where the source has one. */
  readonly size: number | undefined;
  /** A signed note (C2SP signed-note). */
  readonly note: string;
}

/** An exported log's events as lines of JSON, for people and their tools. */
export const EVENT_LINES = "events.ndjson";

export interface LogListing {
  /** Every log that has a batch, in ascending order; the control log is 0. */
  readonly shards: readonly number[];
  readonly checkpoints: readonly StoredCheckpoint[];
  readonly damage: readonly LogDamage[];
  /** Whether there are {@link EVENT_LINES}, which verification does not look at. */
  readonly hasEventLines?: boolean;
}

/** What a store says it is. */
export interface DeploymentClaim {
  readonly origin: string;
  readonly verifierKey: string;
}

/** Consecutive batches of a log, by their seq. */
export interface BatchRange {
  /** The batch before the first one, or 0. */
  readonly after: number;
  /** The last one, or Infinity. */
  readonly last: number;
}

export const WHOLE_LOG: BatchRange = { after: 0, last: Infinity };

/** Logs that several threads can read. */
export interface SharedLogs {
  /** Of the database; may hold a password. */
  readonly url: string;
  /** The seq of a log's last batch, 0 if there is none. */
  lastSeq(shard: number): Promise<number>;
}

/** Where audit logs are read from. Every method throws {@link UnreadableLogError} if reading itself fails. */
export interface LogSource {
  /** How other threads read the same logs; a source without it is read by one thread. */
  readonly shared?: SharedLogs | undefined;
  /** `undefined` where the source does not say, as exported files do not. */
  deployment(): Promise<DeploymentClaim | undefined>;
  list(): Promise<LogListing>;
  /** A log's batches in order of their seq, in constant memory; nothing if there is no such log. */
  read(shard: number, range?: BatchRange): AsyncIterable<LogBatch | LogDamage>;
  /**
   * Proof that leaf `index` is among the first `size` leaves of a log (RFC 6962 section 2.1.1), made from the stored
   * hashes: what they prove is for the caller to verify.
   *
   * @throws MerkleError `malformed-tile` or `malformed-proof` if they make none.
   */
  inclusionProof(shard: number, leaf: { index: number; size: number }): Promise<Uint8Array[]>;
  /** The signed notes about what was destroyed, the oldest first, where they are kept beside the logs. */
  certificates?(): Promise<readonly string[]>;
}

/** The database or the files could not be read as far as was asked. */
export class UnreadableLogError extends Error {
  override readonly name = "UnreadableLogError";
}

/** What a log is called in reports, bundles and exported files: `control`, `shard-1`, … */
export function logName(shard: number): string {
  return shard === CONTROL_SHARD ? "control" : `shard-${shard}`;
}

/** The exact inverse of {@link logName}; `undefined` for anything else. */
export function parseLogName(name: string): number | undefined {
  if (name === "control") return CONTROL_SHARD;
  const digits = /^shard-([1-9][0-9]*)$/.exec(name)?.[1];
  const shard = Number(digits);
  return Number.isSafeInteger(shard) ? shard : undefined;
}

/** Damage of the kind `unreadable`. */
export function unreadable(detail: string, batch?: number): LogDamage {
  return { kind: "damage", damage: "unreadable", batch, detail };
}

/** The size that a checkpoint claims, whoever signed it; it says only which partial tiles an export has. */
export function sizeInNote(note: string | undefined): number | undefined {
  const size = /^[^\n]*\n([0-9]{1,16})\n/.exec(note ?? "")?.[1];
  return size === undefined ? undefined : Number(size);
}
