import type { Migration } from "@cinnabar/kernel";

/**
 * The uses of keys, added up from the log. No decision depends on these rows alone that the log does not decide: they can
 * be made from it again, as long as it has its events.
 */
export const usageMigration: Migration = {
  name: "trail-0002-usage",
  async up(db, { text, integer }) {
    await db.schema
      .createTable("key_usage")
      .addColumn("key_id", text, (column) => column.notNull())
      .addColumn("facet", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("outcome", text, (column) => column.notNull())
      .addColumn("count", integer, (column) => column.notNull())
      .addColumn("first_at", integer, (column) => column.notNull())
      .addColumn("last_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("key_usage_pk", ["key_id", "facet", "name", "outcome"])
      .execute();
    // Days are forgotten one by one, for all keys at once.
    await db.schema
      .createTable("key_usage_day")
      .addColumn("day", integer, (column) => column.notNull())
      .addColumn("key_id", text, (column) => column.notNull())
      .addColumn("outcome", text, (column) => column.notNull())
      .addColumn("count", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("key_usage_day_pk", ["day", "key_id", "outcome"])
      .execute();
    await db.schema.createIndex("key_usage_day_by_key").on("key_usage_day").columns(["key_id", "day"]).execute();
  },
};
