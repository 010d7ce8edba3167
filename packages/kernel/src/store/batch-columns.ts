import type { BatchRow, SqlRow, SqlValue } from "./backend.ts";

/** Columns of `audit_batch` in the order in which {@link batchParameters} gives their values. */
export const BATCH_COLUMNS = [
  "shard",
  "seq",
  "incarnation",
  "first_index",
  "event_count",
  "epoch",
  "time",
  "events",
  "leaves",
  "frontier",
  "sum",
] as const;

export function batchParameters(row: BatchRow): SqlValue[] {
  return [
    row.shard,
    row.seq,
    row.incarnation,
    row.firstIndex,
    row.eventCount,
    row.epoch,
    row.time,
    row.events,
    row.leaves,
    row.frontier,
    row.sum,
  ];
}

/** A row of `audit_batch` as it was read. @throws RangeError if a column has the wrong type: the row was tampered with. */
export function readBatchRow(row: SqlRow): BatchRow {
  return {
    shard: integer(row, "shard"),
    seq: integer(row, "seq"),
    incarnation: bytes(row, "incarnation"),
    firstIndex: integer(row, "first_index"),
    eventCount: integer(row, "event_count"),
    epoch: integer(row, "epoch"),
    time: integer(row, "time"),
    events: bytes(row, "events"),
    leaves: bytes(row, "leaves"),
    frontier: bytes(row, "frontier"),
    sum: bytes(row, "sum"),
  };
}

function integer(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new RangeError(`audit_batch.${column} is not an integer`);
  }
  return value;
}

function bytes(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new RangeError(`audit_batch.${column} is not a byte string`);
  return value;
}
