import type { Migration } from "@cinnabar/kernel";
import { sql } from "kysely";

/**
 * Operations of the instance protocol whose calls were not counted as uses at first. What a log has of them before the place
 * up to which it had been followed then is counted afterwards, beside what was counted: counts outlive what they were made
 * from, so they are not made again.
 */
export const UNCOUNTED_OPERATIONS: ReadonlySet<string> = new Set([
  "AdvanceEncrypt",
  "AdvanceDecrypt",
  "AdvanceGenerateDataKey",
  "GenerateDataKeyPair",
  "GenerateDataKeyPairWithoutPlaintext",
  "AdvanceGenerateDataKeyPair",
  "AdvanceGenerateDataKeyPairWithoutPlaintext",
  "Sign",
  "Verify",
  "Hmac",
]);

/** The parts of logs in which {@link UNCOUNTED_OPERATIONS} are still to be counted. */
export const recountMigration: Migration = {
  name: "trail-0003-recount",
  async up(db, { integer }) {
    await db.schema
      .createTable("key_usage_recount")
      .addColumn("shard", integer, (column) => column.primaryKey())
      // Counted up to this batch, which ends at this leaf.
      .addColumn("seq", integer, (column) => column.notNull())
      .addColumn("leaves", integer, (column) => column.notNull())
      // To be counted up to this one.
      .addColumn("last_seq", integer, (column) => column.notNull())
      .addColumn("last_leaves", integer, (column) => column.notNull())
      .execute();
    await sql`
      insert into key_usage_recount (shard, seq, leaves, last_seq, last_leaves)
      select shard, 0, 0, seq, leaves from trail_follower
    `.execute(db);
  },
};
