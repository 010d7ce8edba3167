import type { Migration } from "@cinnabar/kernel";

/** Accounts and the AccessKeys of their roots. */
export const ramMigrations: readonly Migration[] = [
  {
    name: "ram-0001-accounts",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("account")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("access_key")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("wrapped_secret", bytes, (column) => column.notNull())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "ram-0002-access-keys-by-account",
    async up(db) {
      await db.schema.createIndex("access_key_by_account").on("access_key").column("account_id").execute();
    },
  },
  {
    name: "ram-0003-secrets-under-account-keys",
    async up(db, { integer }) {
      await db.schema.alterTable("access_key").addColumn("account_key_version", integer).execute();
    },
  },
  {
    name: "ram-0004-require-usage-review",
    async up(db, { integer }) {
      await db.schema.alterTable("account").addColumn("require_usage_review", integer).execute();
    },
  },
];
