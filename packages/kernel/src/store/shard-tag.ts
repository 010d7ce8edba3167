import type { Backend, SqlConnection } from "./backend.ts";
import { sameTag } from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import type { KernelSchema } from "./schema.ts";

/**
 * Reads the epoch's tag, and whether an open shard's row has it too, in one statement: every control transaction writes
 * both, so that they differ only if somebody else wrote.
 *
 * @returns undefined if the shard is not open.
 */
export async function compareShardTag(options: {
  kind: Backend["kind"];
  connection: SqlConnection;
  shard: number;
}): Promise<{ readonly epochTag: Uint8Array; readonly isSame: boolean } | undefined> {
  const row = await kyselyOn<KernelSchema>(options.kind, options.connection)
    .selectFrom(["epoch", "shard"])
    .select(["epoch.tag as epochTag", "shard.tag as shardTag"])
    .where("epoch.id", "=", 1)
    .where("shard.id", "=", options.shard)
    .where("shard.closed", "=", 0)
    .executeTakeFirst();
  return row && { epochTag: row.epochTag, isSame: sameTag(row.epochTag, row.shardTag) };
}

/** A sentence about an open shard whose row lacks the epoch's tag. */
export function foreignTag(shard: number): string {
  return `the tag of shard ${shard} is not the epoch's: somebody else changed the row, or kept it from being changed`;
}
