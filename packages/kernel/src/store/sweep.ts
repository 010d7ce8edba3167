import { sql } from "kysely";
import type { Backend, SqlConnection } from "./backend.ts";
import { aheadOfEpoch, readLastBatch } from "./batch-rows.ts";
import { CONTROL_SHARD } from "./control.ts";
import { sameTag } from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import type { SweptTable } from "./protected-table.ts";
import { addSums, type RowGuard, TamperedRowError } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { foreignTag } from "./shard-tag.ts";
import { epochSumPlace, shardSumPlace } from "./sum-places.ts";

const PAGE_ROWS = 250;

export interface SweepReport {
  readonly rows: number;
  /** What does not hold, in words for an operator; empty if all is well. Never contents. */
  readonly problems: readonly string[];
}

/**
 * Reads every protected row in one snapshot and compares the set with the keyed sums that all writes have kept:
 * finds a row that was changed, put back, deleted or inserted by somebody without the keys.
 *
 * @param rest - called after each page with the milliseconds it took; lets the caller give way to requests.
 */
export async function sweep(options: {
  backend: Backend;
  guard: RowGuard;
  tables: readonly SweptTable[];
  rest: (busyMillis: number) => Promise<void>;
}): Promise<SweepReport> {
  const { backend, guard, tables, rest } = options;
  return backend.transaction("snapshot", async (connection) => {
    const problems: string[] = [];
    let rows = 0;
    let found = 0n;
    for (const table of tables) {
      for await (const page of pages(backend.kind, connection, table)) {
        const startedAt = performance.now();
        for (const row of page) {
          rows++;
          try {
            found = addSums(found, table.verifyElement(guard, row));
          } catch (error) {
            if (!(error instanceof TamperedRowError)) throw error;
            problems.push(error.message);
          }
        }
        await rest(performance.now() - startedAt);
      }
    }
    const recorded = await recordedSum({ kind: backend.kind, connection, guard, problems });
    if (recorded !== undefined && problems.length === 0 && recorded !== found) {
      problems.push("the rows are not the ones that were written: a row was put back, deleted or inserted");
    }
    return { rows, problems };
  });
}

/** The sum of what control transactions and every shard, open or closed, have written. */
async function recordedSum(options: {
  kind: Backend["kind"];
  connection: SqlConnection;
  guard: RowGuard;
  problems: string[];
}): Promise<bigint | undefined> {
  const { connection, guard, problems } = options;
  const db = kyselyOn<KernelSchema>(options.kind, connection);
  try {
    const epoch = await db.selectFrom("epoch").selectAll().where("id", "=", 1).executeTakeFirstOrThrow();
    let sum = guard.openSum(epoch.sum, epochSumPlace(epoch));
    const control = await readLastBatch(db, CONTROL_SHARD);
    if (control?.seq !== epoch.value || !sameTag(control.incarnation, epoch.tag)) {
      problems.push("the epoch is not that of the control log's last entry: an old one was put back");
    }
    for (const { id, tag, closed } of await db.selectFrom("shard").select(["id", "tag", "closed"]).execute()) {
      if (closed === 0 && !sameTag(tag, epoch.tag)) problems.push(`shard: ${foreignTag(id)}`);
      const last = await readLastBatch(db, id);
      if (last === undefined) continue;
      sum = addSums(sum, guard.openSum(last.sum, shardSumPlace(id, last.seq)));
      if (last.epoch > epoch.value) problems.push(aheadOfEpoch({ shard: id, last: last.epoch, epoch: epoch.value }));
    }
    return sum;
  } catch (error) {
    if (!(error instanceof TamperedRowError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

async function* pages(
  kind: Backend["kind"],
  connection: SqlConnection,
  table: SweptTable,
): AsyncGenerator<readonly Record<string, unknown>[]> {
  const db = kyselyOn<unknown>(kind, connection);
  const identity = sql.join(table.identity.map((name) => sql.ref(name)));
  let after = sql`true`;
  for (;;) {
    const { rows } = await sql<
      Record<string, unknown>
    >`select * from ${sql.table(table.name)} where ${after} order by ${identity} limit ${PAGE_ROWS}`.execute(db);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = sql`(${identity}) > (${sql.join(table.identity.map((name) => last[name]))})`;
  }
}
