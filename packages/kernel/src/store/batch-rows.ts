import { type Kysely, sql } from "kysely";
import type { BatchRow } from "./backend.ts";
import { BATCH_COLUMNS, batchParameters, readBatchRow } from "./batch-columns.ts";
import { TamperedRowError } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";

/**
 * Writes a batch under a lock that already says that it may stand there.
 *
 * @throws {@link TamperedRowError} if the database left it out.
 */
export async function insertBatchRow(db: Kysely<KernelSchema>, row: BatchRow): Promise<void> {
  const columns = sql.join(BATCH_COLUMNS.map((column) => sql.ref(column)));
  const insert = sql`insert into audit_batch (${columns}) values (${sql.join(batchParameters(row))})`;
  const { numAffectedRows } = await insert.execute(db);
  if (numAffectedRows !== 1n) throw new TamperedRowError("audit_batch", "the database did not take a batch");
}

/** A sentence about a shard whose last batch was validated at an epoch that the store does not know. */
export function aheadOfEpoch({ shard, last, epoch }: { shard: number; last: number; epoch: number }): string {
  return `the log of shard ${shard} is of epoch ${last} and the store of epoch ${epoch}: an older state of the control log was put back`;
}

/** The last batch of a shard's log. */
export async function readLastBatch(db: Kysely<KernelSchema>, shard: number): Promise<BatchRow | undefined> {
  const row = await db
    .selectFrom("audit_batch")
    .selectAll()
    .where("shard", "=", shard)
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : readBatchRow(row);
}
