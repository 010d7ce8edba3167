import type { FindingKind } from "@cinnabar/merkle-log";

/** Findings and notes that are kept of one log; the rest is counted. One early change makes every later head differ. */
const MAX_KEPT = 1000;

/**
 * What is wrong, by kind: those of the Merkle log (`FindingKind` of `@cinnabar/merkle-log`), and
 * - `unreadable`: a row, a file or what is in it cannot be read;
 * - `tile-mismatch`: an exported tile is missing, or is not what the log's entries make;
 * - `unrecorded-drop`: a batch's events are not there, and the control log does not say that retention dropped them;
 * - `wrongful-drop`: a record names a batch that is not the one that was dropped, or that retention had to leave alone;
 * - `invalid-record`: what says that retention dropped events is not signed by the deployment's key;
 * - `malformed-event`: an event is not an object in canonical JSON;
 * - `out-of-sequence`: a batch does not follow the one before it, or stands in another's place;
 * - `epoch-mismatch`: an epoch goes back, is not in the control log, or differs between a batch and its event;
 * - `unknown-log`: the control log has not opened this log, or not for the process that wrote into it;
 * - `missing-log`: a log that must have entries has none;
 * - `closed-log-differs`: a log does not end as the control log says it was closed;
 * - `invalid-checkpoint`: a stored or saved checkpoint is not one of this log, signed by the given key;
 * - `old-checkpoint`: the stored checkpoint is missing, or older than the saved one;
 * - `deployment-mismatch`: the store or its first event names another origin or verifier key than the given one.
 */
export type AuditFindingKind =
  | FindingKind
  | "unreadable"
  | "tile-mismatch"
  | "unrecorded-drop"
  | "wrongful-drop"
  | "invalid-record"
  | "malformed-event"
  | "out-of-sequence"
  | "epoch-mismatch"
  | "unknown-log"
  | "missing-log"
  | "closed-log-differs"
  | "invalid-checkpoint"
  | "old-checkpoint"
  | "deployment-mismatch";

/** One thing that is wrong. */
export interface AuditFinding {
  readonly kind: AuditFindingKind;
  /** The seq of the batch concerned, if it is one. */
  readonly batch: number | undefined;
  /** A sentence for people, without a full stop; holds hashes, positions and names, nothing else of the events. */
  readonly detail: string;
}

/**
 * What an auditor should know although nothing is wrong, by kind:
 * - `in-doubt`: the answers to a batch's calls may not have been received;
 * - `corrected`: calls on record were answered 503 ServiceUnavailableTemporary instead;
 * - `unsigned`: no signed checkpoint covers the end of the log;
 * - `dropped`: retention dropped the bodies of events: their leaves are verified, what they said is not;
 * - `restored`: the control log says that bodies were dropped, and they are there;
 * - `empty`: a log was opened and has no entries.
 */
export type AuditNoteKind = "in-doubt" | "corrected" | "unsigned" | "dropped" | "restored" | "empty";

export interface AuditNote {
  readonly kind: AuditNoteKind;
  readonly batch: number | undefined;
  readonly detail: string;
}

/** The outcome for one log. */
export interface LogAudit {
  /** `control`, `shard-1`, … */
  readonly name: string;
  /** Leaves: events and batch headers. */
  readonly size: number;
  readonly events: number;
  /** Those of them whose bodies are not there any more. */
  readonly droppedEvents: number;
  readonly batches: number;
  /** Leaves that a signed checkpoint vouches for. */
  readonly signedSize: number;
  /** The first 1,000. */
  readonly findings: readonly AuditFinding[];
  readonly omittedFindings: number;
  /** The first 1,000. */
  readonly notes: readonly AuditNote[];
  readonly omittedNotes: number;
}

/** The outcome of verifying a deployment's audit logs. */
export interface AuditReport {
  /** The control log first. */
  readonly logs: readonly LogAudit[];
  /** What concerns no single log. */
  readonly findings: readonly AuditFinding[];
  /** True if there is no finding anywhere. */
  readonly ok: boolean;
  /** Sentences on what this verification could not know. */
  readonly limits: readonly string[];
}

/** How far an export or a verification has come. */
export interface AuditProgress {
  /** `control`, `shard-1`, … */
  readonly log: string;
  /** Events of this log so far. */
  readonly events: number;
}

/** Keeps the first of many. */
export class Kept<T> {
  readonly items: T[] = [];
  omitted = 0;

  add(item: T): void {
    if (this.items.length < MAX_KEPT) this.items.push(item);
    else this.omitted += 1;
  }
}
