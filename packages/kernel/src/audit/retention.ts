import { createHash, randomUUID } from "node:crypto";
import type { NoteSigner } from "@cinnabar/merkle-log";
import { sql } from "kysely";
import type { RowInsert } from "../store/backend.ts";
import { columnTypes } from "../store/columns.ts";
import { type ControlRunner, type ControlTransaction, LostRowError } from "../store/control.ts";
import { kyselyOn } from "../store/kysely-dialect.ts";
import type { Verified } from "../store/protected-table.ts";
import type { KernelSchema } from "../store/schema.ts";
import type { DropPlan } from "./drop-plan.ts";
import { type DroppedPart, type RetentionRule, signRetentionRecord } from "./retention-record.ts";
import { encodeSystemEvent } from "./system-event.ts";
import { readVolumeOf, VOLUME_DAY_MILLIS, type VolumeContext, type VolumeRow, volumeTable } from "./volume.ts";

/** Batches changed with one statement. */
const PAGE_BATCHES = 64;

/** What a piece of retention did. */
export interface Dropped {
  readonly batches: number;
  readonly events: number;
  readonly bytes: number;
  /** How long the epoch's lock was held, and for how long of it the batches were changed. */
  readonly heldMillis: number;
  readonly workMillis: number;
}

/** What retention works with. */
export interface RetentionContext extends VolumeContext {
  readonly control: ControlRunner;
  readonly region: string;
  /** Of the deployment's checkpoints, and of what retention puts on record. */
  readonly signer: NoteSigner;
}

/**
 * Drops the event bodies of `plans` and puts on record which, signed: in one control transaction, so that there is no
 * dropped body without its record.
 *
 * @returns `undefined` if another node was faster, or the store's time went back: then nothing was dropped.
 * @throws TamperedRowError
 */
export async function dropBodies(
  context: RetentionContext,
  plans: readonly DropPlan[],
  rule: RetentionRule,
): Promise<Dropped | undefined> {
  const progress = (await Promise.all(plans.map((plan) => recordProgress(context, plan)))).flat();
  const batches = plans.flatMap((plan) => plan.batches);
  const events = sum(batches.map(({ eventCount }) => eventCount));
  const bytes = sum(batches.map(({ storedBytes, dropped }) => storedBytes - dropped.length));
  const dropping = plans.filter((plan) => plan.batches.length > 0);
  const logs = dropping.map(describe);
  const youngest = Math.max(...batches.map(({ time }) => time));
  let [lockedAt, changedAt] = [0, 0];
  try {
    await context.control.run(async (transaction) => {
      const { now: time, epoch } = transaction;
      if (rule.rule === "age" && youngest >= time - rule.keepSeconds * 1000) {
        throw new LostRowError("these events are not too old any more");
      }
      lockedAt = performance.now();
      for (const plan of dropping) await replaceEvents(context, transaction, plan);
      changedAt = performance.now();
      for (const statement of progress) await transaction.write({ statement, sumDelta: 0n });
      const event = encodeSystemEvent({
        name: "DropEventBodies",
        region: context.region,
        eventId: randomUUID().toUpperCase(),
        time,
        epoch,
        data: { ...rule, events, bytes, record: signRetentionRecord({ rule, time, epoch, logs }, context.signer) },
      });
      return { result: undefined, event };
    });
  } catch (error) {
    if (error instanceof LostRowError) return undefined;
    throw error;
  }
  const heldMillis = performance.now() - lockedAt;
  return { batches: batches.length, events, bytes, heldMillis, workMillis: changedAt - lockedAt };
}

/** Notes that there was nothing to drop in a log up to the end of `plan`, so that nobody looks there again. */
export async function passBodies(context: VolumeContext, plan: DropPlan): Promise<void> {
  const statements = await recordProgress(context, plan);
  await context.backend.transaction("write", async (connection) => {
    for (const { sql: statement, parameters } of statements) await connection.execute(statement, parameters);
  });
}

/** The time of a log's first batch after the given one, and its last batch; `undefined` if none follows. */
export async function readUndropped(
  { backend }: VolumeContext,
  { shard, after }: { readonly shard: number; readonly after: number },
): Promise<{ readonly time: number; readonly lastSeq: number } | undefined> {
  const db = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const of = (direction: "asc" | "desc") =>
    db
      .selectFrom("audit_batch")
      .select(["seq", "time"])
      .where("shard", "=", shard)
      .where("seq", ">", after)
      .orderBy("seq", direction)
      .limit(1)
      .executeTakeFirst();
  const [first, last] = await Promise.all([of("asc"), of("desc")]);
  return first && last && { time: first.time, lastSeq: last.seq };
}

/** @throws LostRowError if a batch is no longer as it was when it was planned. */
async function replaceEvents(
  { backend }: RetentionContext,
  { kernel }: ControlTransaction,
  { shard, batches }: DropPlan,
): Promise<void> {
  const { integer, bytes } = columnTypes(backend.kind);
  for (let start = 0; start < batches.length; start += PAGE_BATCHES) {
    const page = batches.slice(start, start + PAGE_BATCHES);
    const [first, last] = [page[0]?.seq ?? 0, page.at(-1)?.seq ?? 0];
    const values = page.map(
      ({ seq, dropped, storedBytes }) =>
        sql`(cast(${seq} as ${integer}), cast(${dropped} as ${bytes}), cast(${storedBytes} as ${integer}))`,
    );
    // Both databases name the columns of values so. The bounds keep SQLite, which begins with the log, from going through it.
    const { numAffectedRows } = await sql`
      update audit_batch set events = page.column2 from (values ${sql.join(values)}) as page
      where audit_batch.shard = ${shard} and audit_batch.seq = page.column1
        and audit_batch.seq >= ${first} and audit_batch.seq <= ${last}
        and length(audit_batch.events) = page.column3`.execute(kernel);
    if (Number(numAffectedRows) !== page.length) throw new LostRowError("another node dropped these events");
  }
}

/** How the volume's rows say how far retention has come, and what it dropped of which day. */
async function recordProgress(context: VolumeContext, plan: DropPlan): Promise<RowInsert[]> {
  const db = kyselyOn<unknown>(context.backend.kind, context.backend.reader);
  const statements: RowInsert[] = [];
  const first = plan.batches[0]?.seq ?? plan.to;
  for (const before of await readVolumeOf(context, { shard: plan.shard, first, last: plan.to })) {
    const after = advance(before, plan);
    if (after !== undefined) statements.push(volumeTable.update(context.guard, db, before, after).statement);
  }
  return statements;
}

function advance({ row }: Verified<VolumeRow>, { to, batches }: DropPlan): VolumeRow | undefined {
  const ofDay = batches.filter(({ time }) => Math.floor(time / VOLUME_DAY_MILLIS) === row.day);
  const isEnd = row.first_seq <= to && to <= row.last_seq;
  if (ofDay.length === 0 && !isEnd) return undefined;
  return {
    ...row,
    dropped_to: Math.max(row.dropped_to, isEnd ? to : (ofDay.at(-1)?.seq ?? 0)),
    dropped_events: row.dropped_events + sum(ofDay.map(({ eventCount }) => eventCount)),
    dropped_bytes: row.dropped_bytes + sum(ofDay.map(({ storedBytes, dropped }) => storedBytes - dropped.length)),
  };
}

/** What the record says of one log: exactly which batches. */
function describe({ shard, batches }: DropPlan): DroppedPart {
  const headers = createHash("sha256");
  const ranges: [number, number][] = [];
  for (const { seq, header } of batches) {
    headers.update(header);
    const open = ranges.at(-1);
    if (open?.[1] === seq - 1) open[1] = seq;
    else ranges.push([seq, seq]);
  }
  const events = sum(batches.map(({ eventCount }) => eventCount));
  return { shard, events, headers: headers.digest("base64"), ranges };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
