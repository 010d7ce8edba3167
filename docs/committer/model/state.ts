import type { History } from "./history.ts";
import type { Answer, Entities, Operations, Outcome } from "./operation.ts";
import type { Faults, Protocol } from "./protocol.ts";

/** What an exploration is about. */
export interface Model {
  readonly operations: Operations;
  /** Processes at the start, each with a shard of its own. */
  readonly nodes: number;
  readonly protocol: Protocol;
  readonly faults: Faults;
}

/** One audit event: what was decided about which operation. */
export interface AuditRecord {
  readonly operation: string;
  readonly outcome: Outcome;
}

/** A row of audit_batch. */
export interface Batch {
  readonly seq: number;
  readonly incarnation: number;
  /** The epoch the outcomes were computed at; a marker has none. */
  readonly tag: number | undefined;
  readonly records: readonly AuditRecord[];
  /** Operations that were answered 503 although an earlier batch holds their records. */
  readonly corrections: readonly string[];
  /** A successor's marker: the position of the batch that is in doubt, -1 if the log was empty. */
  readonly marks: number | undefined;
}

/** The part of the store that control transactions write. */
export interface Store {
  readonly tag: number;
  /** Control transactions ever committed, those lost in a failover included. */
  readonly issued: number;
  readonly entities: Entities;
  readonly controlLog: readonly AuditRecord[];
}

/** A shard row and its log. */
export interface Shard {
  readonly tag: number;
  readonly log: readonly Batch[];
}

/** A control that has not begun its transaction, and what it has read so far if it decides ahead. */
export interface PendingControl {
  readonly operation: string;
  readonly tag: number | undefined;
  readonly entities: Entities | undefined;
}

/** The control transaction that holds the epoch's lock. */
export interface ControlTransaction {
  readonly operation: string;
  readonly outcome: Outcome;
  readonly after: Entities;
  /** Shard rows locked so far, in the order of their ids. */
  readonly shardsLocked: number;
}

/** A batch statement inside the database. It outlives the process that sent it. */
export interface Statement {
  readonly process: number;
  readonly shard: number;
  readonly batch: Batch;
  /** It has its lock and its snapshot, and will commit. */
  readonly running: boolean;
  readonly connected: boolean;
}

export type ProcessStatus =
  | "idle"
  | "in flight"
  | "answering"
  | "refreshing"
  | "half refreshed"
  | "outcome unknown"
  | "taking over"
  | "gone";

export interface Process {
  readonly shard: number;
  readonly incarnation: number;
  readonly status: ProcessStatus;
  readonly cachedTag: number;
  readonly cached: Entities;
  readonly seq: number;
  readonly queue: readonly string[];
  /** The batch last sent; while answering, with the records not yet answered. */
  readonly batch: Batch | undefined;
  readonly reply: "committed" | "no row" | undefined;
  /** Operations the next batch must name in a correction. */
  readonly corrections: readonly string[];
  /** Operations answered 503. */
  readonly unavailable: readonly string[];
  /** Something must be found out at this seq, even if no request waits. */
  readonly mustFlush: boolean;
}

/** The whole system at one instant. Never changed: a step makes a new one that shares what stayed the same. */
export interface State {
  readonly store: Store;
  /** The store as a standby has it that misses the last control, while such a failover may still come. */
  readonly standby: Store | undefined;
  readonly shards: readonly Shard[];
  readonly pendingControls: readonly PendingControl[];
  readonly control: ControlTransaction | undefined;
  /** Controls committed but not answered. */
  readonly committedControls: readonly AuditRecord[];
  readonly statements: readonly Statement[];
  readonly processes: readonly Process[];
  readonly history: History;
  readonly faults: Faults;
}

/** Something that can happen next. */
export interface Step {
  readonly label: string;
  readonly next: State;
}

/** Two entities, both in force: more than any scenario needs. */
export const INITIAL_ENTITIES: Entities = [true, true];

export function initialState({ nodes, faults }: Model): State {
  const indexes = Array.from({ length: nodes }, (_, index) => index);
  return {
    store: { tag: 0, issued: 0, entities: INITIAL_ENTITIES, controlLog: [] },
    standby: undefined,
    shards: indexes.map(() => ({ tag: 0, log: [] })),
    pendingControls: [],
    control: undefined,
    committedControls: [],
    statements: [],
    processes: indexes.map((index) => startedProcess({ shard: index, incarnation: index, status: "idle" })),
    history: [],
    faults,
  };
}

/** A process that has just come up: at the epoch the scenario starts with, which a successor leaves at once. */
export function startedProcess(identity: Pick<Process, "shard" | "incarnation" | "status">): Process {
  return {
    ...identity,
    cachedTag: 0,
    cached: INITIAL_ENTITIES,
    seq: 0,
    queue: [],
    batch: undefined,
    reply: undefined,
    corrections: [],
    unavailable: [],
    mustFlush: false,
  };
}

export function invoked(history: History, operation: string): History {
  return [...history, { kind: "invoked", operation }];
}

export function answered(history: History, operation: string, answer: Answer): History {
  return [...history, { kind: "answered", operation, answer }];
}

/** An element that the model's own invariants say is there. */
export function elementAt<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`nothing at ${index}`);
  return element;
}
