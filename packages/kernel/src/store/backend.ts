/** A value that travels to and from either database. Integers are safe integers, bytes are `Uint8Array`s. */
export type SqlValue = string | number | Uint8Array | null;

export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqlResult {
  readonly rows: readonly SqlRow[];
  /** Rows that an INSERT, UPDATE or DELETE touched. */
  readonly affected: number;
}

/** One statement at a time; what is not inside {@link Backend.transaction} commits by itself. */
export interface SqlConnection {
  execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult>;
}

/** An INSERT that must land together with a batch, or not at all. */
export interface RowInsert {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** One row of `audit_batch`: what a process puts on record with one commit. */
export interface BatchRow {
  readonly shard: number;
  readonly seq: number;
  /** 16 random bytes of the process that wrote it; in the control log the epoch's tag. */
  readonly incarnation: Uint8Array;
  /** Index in the shard's Merkle log of the batch's first leaf. */
  readonly firstIndex: number;
  /** Number of events; the batch adds one leaf more, its header. */
  readonly eventCount: number;
  /** The epoch at which every event of the batch was validated. */
  readonly epoch: number;
  /** Store time in milliseconds when the batch was computed. */
  readonly time: number;
  readonly events: Uint8Array;
  readonly leaves: Uint8Array;
  readonly frontier: Uint8Array;
  /** The shard's running sum of the set hash, masked and authenticated. */
  readonly sum: Uint8Array;
}

/** Store times between which every answer of a batch holds: `from <= time < until`. */
export interface TimeWindow {
  readonly from: number;
  readonly until: number;
}

export interface BatchCommit {
  readonly row: BatchRow;
  /** The batch commits only if the shard's row still has this tag, and the epoch's row too. */
  readonly tag: Uint8Array;
  readonly inserts: readonly RowInsert[];
  readonly window: TimeWindow | undefined;
}

/**
 * What became of a batch.
 *
 * - `committed`: durable and visible.
 * - `refused`: certainly not committed, and nothing of it will be: the tag moved, or is not the epoch's, the shard is closed,
 *   the window is over, something stands at (shard, seq), or nothing at the seq before. Who asks must look which. For the reason
 *   `conflict` it is none of that: the database gave way to another transaction (SQLSTATE 40001 or 40P01).
 * - `conflict`: certainly not committed: one of the inserts met a row with the same key, or is one that the database
 *   does not take.
 * - `failed`: certainly not committed, the database cannot write now (a full disk, a busy file).
 * - `unknown`: it may be committed, or may still be.
 */
export type BatchOutcome =
  | { readonly kind: "committed"; readonly time: number }
  | { readonly kind: "refused"; readonly reason?: "conflict" }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed" | "unknown"; readonly cause: unknown };

/** Ends a transaction whose COMMIT got no clear answer: it may have taken effect. */
export class UnknownOutcomeError extends Error {
  override readonly name = "UnknownOutcomeError";
}

/** A read got no answer: the database cannot be reached now. */
export class DatabaseAwayError extends Error {
  override readonly name = "DatabaseAwayError";
}

/** A database that is read, one statement at a time, and left as it is. */
export type StoreReader = Pick<Backend, "kind" | "reader" | "clock">;

/** A batch inside a transaction that already holds the epoch's lock. */
export interface EscalatedBatch {
  readonly connection: SqlConnection;
  commit(batch: BatchCommit): Promise<BatchOutcome>;
}

/**
 * A database. The two implementations differ in locking, in the batch statement, and in how a failure shows;
 * everything above them is the same code.
 */
export interface Backend {
  readonly kind: "sqlite" | "postgresql";
  /**
   * Reads outside transactions, each statement with a snapshot of its own that is not older than the call.
   * Throws {@link DatabaseAwayError} while the database cannot be reached.
   */
  readonly reader: SqlConnection;
  /**
   * Runs `body` in one transaction that is rolled back if it throws.
   *
   * - `write`: sees and locks current rows (`BEGIN IMMEDIATE`, or READ COMMITTED).
   * - `snapshot`: read only, every statement sees the same state of the store.
   *
   * @throws {@link UnknownOutcomeError} if COMMIT got no clear answer.
   */
  transaction<T>(mode: "write" | "snapshot", body: (connection: SqlConnection) => Promise<T>): Promise<T>;
  /** Commits a batch with one durable round trip. Never throws. */
  commitBatch(batch: BatchCommit): Promise<BatchOutcome>;
  /** Holds the epoch so that no control commits meanwhile, for a batch that lost the race too often. */
  escalate<T>(body: (batch: EscalatedBatch) => Promise<T>): Promise<T>;
  /** The database's clock in milliseconds since 1970, without the store's offset. */
  clock(): Promise<number>;
  /**
   * Lets go of the copies that the database itself still has of rows deleted from these tables, as far as it can be
   * told to: SQLite empties its log of writes (freed bytes in the file are overwritten at once), PostgreSQL is told to
   * vacuum. It promises nothing of what a file system or a disk keeps.
   *
   * @returns false if that has to be asked for again: somebody else reads or writes, or the database is away.
   */
  eraseRemnants(tables: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}
