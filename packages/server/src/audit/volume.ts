import {
  type DayTotals,
  type KernelSchema,
  kyselyOn,
  readDayTotals,
  readUncounted,
  VOLUME_DAY_MILLIS,
} from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import { OperatorError } from "../operator-error.ts";
import { withSnapshot } from "./snapshot.ts";

/** An amount of the audit log. */
export interface AuditAmount {
  readonly events: number;
  /** Of the log's rows as they were written: event bodies, leaves and heads. */
  readonly storedBytes: number;
  /** Of the event bodies alone. */
  readonly bodyBytes: number;
  /** What retention has dropped of it by now. */
  readonly droppedEvents: number;
  readonly droppedBytes: number;
}

/** What the audit log got on one day of UTC by the store's clock. */
export interface AuditDay extends AuditAmount {
  /** `yyyy-MM-dd` */
  readonly day: string;
}

/** How much the audit log got, day by day and in all. */
export interface AuditVolume {
  /** The latest days that have events, in order. */
  readonly days: readonly AuditDay[];
  /** Of all days, listed or not. */
  readonly total: AuditAmount;
}

/**
 * Reads the audit log's volume in the database of a running server, or of none. What no server has counted yet is
 * counted here. Nothing is verified.
 *
 * @param options.days - most days to list.
 * @throws OperatorError if the database cannot be read, or an earlier version wrote it.
 */
export function readAuditVolume(url: string, options: { readonly days: number }): Promise<AuditVolume> {
  return withSnapshot(url, async (connection, kind) => {
    const days = await countDays(kyselyOn<KernelSchema>(kind, connection));
    const amounts = days.map((day) => ({ day: dateOf(day), ...amountOf(day) }));
    return { days: amounts.slice(-options.days), total: amounts.reduce(add, NOTHING) };
  });
}

const NOTHING: AuditAmount = { events: 0, storedBytes: 0, bodyBytes: 0, droppedEvents: 0, droppedBytes: 0 };

async function countDays(db: Kysely<KernelSchema>): Promise<DayTotals[]> {
  const days = new Map((await readCounted(db)).map((totals) => [totals.day, totals]));
  const { rows: logs } = await sql<{ shard: number; counted: number }>`
    select log.shard as shard, coalesce((select max(last_seq) from audit_volume where shard = log.shard), 0) as counted
    from (select distinct shard from audit_batch) as log`.execute(db);
  for (const { shard, counted } of logs) {
    for (let [after, isMore] = [counted, true]; isMore;) {
      const read = await readUncounted(db, { shard, after });
      isMore = read.isMore;
      for (const { day, last_seq: lastSeq, events, body_bytes: bodyBytes, tree_bytes: treeBytes } of read.days) {
        const known = days.get(day) ?? { ...EMPTY_DAY, day };
        days.set(day, {
          ...known,
          events: known.events + events,
          bodyBytes: known.bodyBytes + bodyBytes,
          treeBytes: known.treeBytes + treeBytes,
        });
        after = Math.max(after, lastSeq);
      }
    }
  }
  return [...days.values()].toSorted((a, b) => a.day - b.day);
}

const EMPTY_DAY = { events: 0, bodyBytes: 0, treeBytes: 0, droppedEvents: 0, droppedBytes: 0 };

async function readCounted(db: Kysely<KernelSchema>): Promise<DayTotals[]> {
  try {
    return await readDayTotals(db);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError(
      `The audit log's volume cannot be read: ${reason}. If an earlier Cinnabar wrote the store, start a server of this version first: it brings the store up to date.`,
      { cause },
    );
  }
}

function amountOf({ events, bodyBytes, treeBytes, droppedEvents, droppedBytes }: DayTotals): AuditAmount {
  return { events, storedBytes: bodyBytes + treeBytes, bodyBytes, droppedEvents, droppedBytes };
}

function add(total: AuditAmount, day: AuditAmount): AuditAmount {
  return {
    events: total.events + day.events,
    storedBytes: total.storedBytes + day.storedBytes,
    bodyBytes: total.bodyBytes + day.bodyBytes,
    droppedEvents: total.droppedEvents + day.droppedEvents,
    droppedBytes: total.droppedBytes + day.droppedBytes,
  };
}

function dateOf({ day }: DayTotals): string {
  return new Date(day * VOLUME_DAY_MILLIS).toISOString().slice(0, 10);
}
