import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Backend, RowInsert } from "../store/backend.ts";
import { kyselyOn } from "../store/kysely-dialect.ts";
import { ProtectedTable, type RowOf, type Verified } from "../store/protected-table.ts";
import type { RowGuard } from "../store/row-guard.ts";
import type { KernelSchema } from "../store/schema.ts";

/** A day of UTC by the store's clock, in milliseconds. */
export const VOLUME_DAY_MILLIS = 86_400_000;
/** What a row of the log takes beside its blobs, in bytes: six integers, and what a database adds to a row. */
const ROW_BYTES = 100;
/** Batches counted with one statement: other reads wait only for so many. */
const COUNTED_AT_ONCE = 2_000;

const volumeColumns = {
  shard: "integer",
  day: "integer",
  first_seq: "integer",
  last_seq: "integer",
  events: "integer",
  body_bytes: "integer",
  tree_bytes: "integer",
  dropped_to: "integer",
  dropped_events: "integer",
  dropped_bytes: "integer",
} as const;

/** What one log got on one day, and what retention dropped of it. */
export type VolumeRow = RowOf<typeof volumeColumns>;

/**
 * The volume of each log by day. How much retention by size drops depends on it, so each row carries its MAC. It is no
 * part of the set hash, because its rows change without control transactions: whoever puts an old row back, or takes
 * one away, makes the log look smaller, and less is dropped, not more.
 */
export const volumeTable = new ProtectedTable("audit_volume", {
  columns: volumeColumns,
  identity: ["shard", "day"],
});

/** What volume is counted and read with. */
export interface VolumeContext {
  readonly backend: Backend;
  readonly guard: RowGuard;
}

/** What one log got on one day since it was counted last. */
export interface UncountedDay {
  /** Days since 1970. */
  readonly day: number;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly events: number;
  readonly body_bytes: number;
  readonly tree_bytes: number;
}

/** Another node was faster. */
class OvertakenError extends Error {
  override readonly name = "OvertakenError";
}

/** How far a log was counted, and how far retention has gone through it: batches, 0 for none. */
export interface VolumeProgress {
  readonly countedTo: number;
  readonly droppedTo: number;
}

/** The verified rows of a log, the days in order. @throws TamperedRowError */
export function readVolume(context: VolumeContext, shard: number): Promise<Verified<VolumeRow>[]> {
  return selectVolume(context, sql`shard = ${shard} order by day`);
}

/** The verified rows of the days to which batches of a log belong. @throws TamperedRowError */
export function readVolumeOf(
  context: VolumeContext,
  { shard, first, last }: { readonly shard: number; readonly first: number; readonly last: number },
): Promise<Verified<VolumeRow>[]> {
  return selectVolume(context, sql`shard = ${shard} and first_seq <= ${last} and last_seq >= ${first} order by day`);
}

/** @throws TamperedRowError */
export async function readProgress(context: VolumeContext, shard: number): Promise<VolumeProgress> {
  const [counted] = await selectVolume(context, sql`shard = ${shard} order by last_seq desc limit 1`);
  const [dropped] = await selectVolume(context, sql`shard = ${shard} order by dropped_to desc limit 1`);
  return { countedTo: counted?.row.last_seq ?? 0, droppedTo: dropped?.row.dropped_to ?? 0 };
}

/**
 * Counts a piece of what a log has got since it was counted last.
 *
 * @returns true if there may be more.
 * @throws TamperedRowError
 */
export async function countVolume(context: VolumeContext, shard: number): Promise<boolean> {
  const { backend, guard } = context;
  const { countedTo } = await readProgress(context, shard);
  const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const { days, isMore } = await readUncounted(kernel, { shard, after: countedTo });
  if (days.length === 0) return false;
  const db = kyselyOn<unknown>(backend.kind, backend.reader);
  const statements: RowInsert[] = [];
  for (const day of days) {
    const [known] = await selectVolume(context, sql`shard = ${shard} and day = ${day.day}`);
    if (known !== undefined) {
      statements.push(volumeTable.update(guard, db, known, addDay(known.row, day)).statement);
      continue;
    }
    const row = { shard, ...day, dropped_to: 0, dropped_events: 0, dropped_bytes: 0 };
    const { sql: insert, parameters } = volumeTable.insert(guard, db, row).statement;
    statements.push({ sql: `${insert} on conflict do nothing`, parameters });
  }
  try {
    await backend.transaction("write", async (connection) => {
      for (const statement of statements) {
        const { affected } = await connection.execute(statement.sql, statement.parameters);
        if (affected !== 1) throw new OvertakenError("another node counts");
      }
    });
  } catch (error) {
    if (!(error instanceof OvertakenError)) throw error;
  }
  return isMore;
}

/** What all logs together got on one day, and what retention dropped of it. */
export interface DayTotals {
  /** Days since 1970. */
  readonly day: number;
  readonly events: number;
  readonly bodyBytes: number;
  readonly treeBytes: number;
  readonly droppedEvents: number;
  readonly droppedBytes: number;
}

/** The days as far as they were counted, in order. Nothing is verified: it is for people, and decides nothing. */
export async function readDayTotals(db: Kysely<KernelSchema>): Promise<DayTotals[]> {
  const total = (column: string) => sql`cast(sum(${sql.ref(column)}) as bigint)`;
  const { rows } = await sql<DayTotals>`
    select day, ${total("events")} as events, ${total("body_bytes")} as "bodyBytes", ${total("tree_bytes")} as "treeBytes",
      ${total("dropped_events")} as "droppedEvents", ${total("dropped_bytes")} as "droppedBytes"
    from audit_volume group by day order by day`.execute(db);
  return rows;
}

/** What stands in a log after a batch, at most some thousand batches of it, by day. */
export async function readUncounted(
  db: Kysely<KernelSchema>,
  { shard, after }: { readonly shard: number; readonly after: number },
): Promise<{ readonly days: readonly UncountedDay[]; readonly isMore: boolean }> {
  // Neither database reads a blob to tell its length.
  const { rows } = await sql<UncountedDay & { readonly batches: number }>`
    select time / ${sql.lit(VOLUME_DAY_MILLIS)} as day, min(seq) as first_seq, max(seq) as last_seq, count(*) as batches,
      cast(sum(event_count) as bigint) as events, cast(sum(length(events)) as bigint) as body_bytes,
      cast(sum(length(leaves) + length(frontier) + length(sum) + ${sql.lit(ROW_BYTES)}) as bigint) as tree_bytes
    from (select * from audit_batch where shard = ${shard} and seq > ${after}
      order by seq limit ${sql.lit(COUNTED_AT_ONCE)}) as uncounted
    group by day order by day`.execute(db);
  const batches = rows.reduce((total, row) => total + row.batches, 0);
  return { days: rows.map(({ batches: _batches, ...day }) => day), isMore: batches === COUNTED_AT_ONCE };
}

async function selectVolume(
  { backend, guard }: VolumeContext,
  condition: RawBuilder<unknown>,
): Promise<Verified<VolumeRow>[]> {
  const db = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const { rows } = await sql<object>`select * from audit_volume where ${condition}`.execute(db);
  return rows.map((row) => volumeTable.verify(guard, row));
}

function addDay(row: VolumeRow, day: UncountedDay): VolumeRow {
  return {
    ...row,
    last_seq: day.last_seq,
    events: row.events + day.events,
    body_bytes: row.body_bytes + day.body_bytes,
    tree_bytes: row.tree_bytes + day.tree_bytes,
  };
}
