import type { Migration } from "@cinnabar/kernel";
import { recountMigration } from "./usage/recount-migration.ts";
import { usageMigration } from "./usage/usage-migration.ts";

/** The tables of this package. All of it is derived from the audit log, so none of it is authenticated. */
export const trailMigrations: readonly Migration[] = [
  {
    name: "trail-0001-event-index",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("trail_follower")
        .addColumn("shard", integer, (column) => column.primaryKey())
        .addColumn("seq", integer, (column) => column.notNull())
        .addColumn("leaves", integer, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("trail_segment")
        .addColumn("shard", integer, (column) => column.notNull())
        .addColumn("last_seq", integer, (column) => column.notNull())
        .addColumn("first_seq", integer, (column) => column.notNull())
        .addColumn("event_count", integer, (column) => column.notNull())
        .addColumn("min_time", integer, (column) => column.notNull())
        .addColumn("max_time", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("trail_segment_pk", ["shard", "last_seq"])
        .execute();
      // Lookups go through segments by their time, from either end.
      await db.schema.createIndex("trail_segment_by_max_time").on("trail_segment").column("max_time").execute();
      await db.schema.createIndex("trail_segment_by_min_time").on("trail_segment").column("min_time").execute();
      await db.schema
        .createTable("trail_column")
        .addColumn("shard", integer, (column) => column.notNull())
        .addColumn("last_seq", integer, (column) => column.notNull())
        .addColumn("attribute", text, (column) => column.notNull())
        .addColumn("data", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("trail_column_pk", ["shard", "last_seq", "attribute"])
        .execute();
    },
  },
  usageMigration,
  recountMigration,
];
