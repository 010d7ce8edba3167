import type { Migration } from "./migrations.ts";

/** The kernel's own tables. Every table that holds decisions has the columns of a protected table: `revision` and `mac`. */
export const kernelMigrations: readonly Migration[] = [
  {
    name: "kernel-0001-epoch-and-audit",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("epoch")
        .addColumn("id", integer, (column) => column.primaryKey())
        .addColumn("value", integer, (column) => column.notNull())
        .addColumn("tag", bytes, (column) => column.notNull())
        .addColumn("time", integer, (column) => column.notNull())
        .addColumn("clock_offset", integer, (column) => column.notNull())
        .addColumn("clock_epoch", integer, (column) => column.notNull())
        .addColumn("sum", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("change")
        .addColumn("epoch", integer, (column) => column.notNull())
        .addColumn("entity", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("change_pk", ["epoch", "entity"])
        .execute();
      await db.schema
        .createTable("shard")
        .addColumn("id", integer, (column) => column.primaryKey())
        .addColumn("node", text, (column) => column.notNull().unique())
        .addColumn("tag", bytes, (column) => column.notNull())
        .addColumn("closed", integer, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("audit_batch")
        .addColumn("shard", integer, (column) => column.notNull())
        .addColumn("seq", integer, (column) => column.notNull())
        .addColumn("incarnation", bytes, (column) => column.notNull())
        .addColumn("first_index", integer, (column) => column.notNull())
        .addColumn("event_count", integer, (column) => column.notNull())
        .addColumn("epoch", integer, (column) => column.notNull())
        .addColumn("time", integer, (column) => column.notNull())
        .addColumn("events", bytes, (column) => column.notNull())
        .addColumn("leaves", bytes, (column) => column.notNull())
        .addColumn("frontier", bytes, (column) => column.notNull())
        .addColumn("sum", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("audit_batch_pk", ["shard", "seq"])
        .execute();
      await db.schema
        .createTable("checkpoint")
        .addColumn("shard", integer, (column) => column.primaryKey())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("note", text, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "kernel-0002-deployment-and-account-keys",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("deployment")
        .addColumn("id", integer, (column) => column.primaryKey())
        .addColumn("region", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("root_key_check", text, (column) => column.notNull())
        .addColumn("verifier_key", text, (column) => column.notNull())
        .addColumn("wrapped_signing_key", bytes, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("account_key")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("version", integer, (column) => column.notNull())
        .addColumn("wrapped", bytes, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("account_key_pk", ["account_id", "version"])
        .execute();
    },
  },
  {
    name: "kernel-0003-job",
    async up(db, { text, integer }) {
      await db.schema
        .createTable("job")
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("node", text, (column) => column.notNull())
        .addColumn("until", integer, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "kernel-0004-retention",
    async up(db, { integer, bytes }) {
      await db.schema
        .createTable("audit_volume")
        .addColumn("shard", integer, (column) => column.notNull())
        .addColumn("day", integer, (column) => column.notNull())
        .addColumn("first_seq", integer, (column) => column.notNull())
        .addColumn("last_seq", integer, (column) => column.notNull())
        .addColumn("events", integer, (column) => column.notNull())
        .addColumn("body_bytes", integer, (column) => column.notNull())
        .addColumn("tree_bytes", integer, (column) => column.notNull())
        .addColumn("dropped_to", integer, (column) => column.notNull())
        .addColumn("dropped_events", integer, (column) => column.notNull())
        .addColumn("dropped_bytes", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("audit_volume_pk", ["shard", "day"])
        .execute();
    },
  },
  {
    name: "kernel-0005-deployment-keys",
    async up(db, { text, integer, bytes }) {
      await db.schema.alterTable("deployment").addColumn("wrapped_keys", bytes).execute();
      await db.schema.alterTable("account_key").addColumn("created_at", integer).execute();
      await db.schema.alterTable("account_key").addColumn("rewrapped_at", integer).execute();
      await db.schema
        .createTable("node_key")
        .addColumn("shard", integer, (column) => column.primaryKey())
        .addColumn("public_key", bytes, (column) => column.notNull())
        .addColumn("root_key", text)
        .addColumn("handover", bytes)
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "kernel-0006-digest-of-changes",
    async up(db, { bytes }) {
      await db.schema.alterTable("epoch").addColumn("changes", bytes).execute();
    },
  },
];
