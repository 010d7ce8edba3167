import { type Kysely, sql } from "kysely";
import type { BatchRow } from "./backend.ts";
import { BATCH_COLUMNS, batchParameters, readBatchRow } from "./batch-columns.ts";
import type { KernelSchema } from "./schema.ts";

/** Writes a batch under a lock that already says that it may stand there. */
export async function insertBatchRow(db: Kysely<KernelSchema>, row: BatchRow): Promise<void> {
  const columns = sql.join(BATCH_COLUMNS.map((column) => sql.ref(column)));
  await sql`insert into audit_batch (${columns}) values (${sql.join(batchParameters(row))})`.execute(db);
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
