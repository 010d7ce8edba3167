import type { Migration } from "@cinnabar/kernel";
import { sql } from "kysely";

/** The schema of keys, their versions, aliases and tags. Instants are store milliseconds. */
export const kmsMigrations: readonly Migration[] = [
  {
    name: "kms-0001-keys-and-aliases",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("kms_key")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("spec", text, (column) => column.notNull())
        .addColumn("usage", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("protection_level", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("delete_at", integer)
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("creator", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("primary_version", text, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      // Lists and counts an account's live keys without reading their rows.
      await db.schema
        .createIndex("kms_key_by_account")
        .on("kms_key")
        .columns(["account_id", "created_at", "id", "delete_at"])
        .execute();
      // Finds the few keys whose deletion is due, and when the next one will be.
      await db.schema.createIndex("kms_key_by_deletion").on("kms_key").columns(["account_id", "delete_at"]).execute();

      await db.schema
        .createTable("key_version")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("key_id", text, (column) => column.notNull().references("kms_key.id"))
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("spec", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("material", bytes, (column) => column.notNull())
        .addColumn("account_key_version", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema.createIndex("key_version_by_key").on("key_version").column("key_id").execute();

      await db.schema
        .createTable("alias")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("key_id", text, (column) => column.notNull().references("kms_key.id"))
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("alias_pk", ["account_id", "name"])
        .execute();
      await db.schema
        .createIndex("alias_by_account")
        .on("alias")
        .columns(["account_id", "created_at", "name"])
        .execute();
      await db.schema.createIndex("alias_by_key").on("alias").column("key_id").execute();
    },
  },
  {
    name: "kms-0002-deletion-protection",
    async up(db, { text }) {
      await db.schema.alterTable("kms_key").addColumn("deletion_protection", text).execute();
    },
  },
  {
    name: "kms-0003-tags",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("key_tag")
        .addColumn("key_id", text, (column) => column.notNull().references("kms_key.id"))
        .addColumn("tag_key", text, (column) => column.notNull())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("tag_value", text, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("key_tag_pk", ["key_id", "tag_key"])
        .execute();
      // Turns the pages of an account's tags.
      await db.schema
        .createIndex("key_tag_by_account")
        .on("key_tag")
        .columns(["account_id", "key_id", "tag_key"])
        .execute();
      // Finds the keys that have a tag.
      await db.schema
        .createIndex("key_tag_by_value")
        .on("key_tag")
        .columns(["account_id", "tag_key", "tag_value", "key_id"])
        .execute();
    },
  },
  {
    name: "kms-0004-destruction",
    async up(db, { text, integer, bytes }) {
      await db.schema.alterTable("kms_key").addColumn("deletion_scheduled_at", integer).execute();
      // Finds the keys of all accounts whose deletion is due; keys that nobody deletes are not in it.
      await db.schema
        .createIndex("kms_key_due")
        .on("kms_key")
        .columns(["delete_at", "id"])
        .where(sql.ref("delete_at"), "is not", null)
        .execute();
      await db.schema
        .createTable("destruction")
        .addColumn("subject", text, (column) => column.primaryKey())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("account_key_version", integer, (column) => column.notNull())
        .addColumn("destroyed_at", integer, (column) => column.notNull())
        .addColumn("certificate", text, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      // Finds the account keys that wrapped what is destroyed.
      await db.schema
        .createIndex("destruction_by_account")
        .on("destruction")
        .columns(["account_id", "kind", "account_key_version"])
        .execute();
    },
  },
  {
    name: "kms-0005-rewrapping",
    async up(db) {
      // Finds what is wrapped under an older version of an account's key.
      await db.schema
        .createIndex("key_version_by_account_key")
        .on("key_version")
        .columns(["account_id", "account_key_version"])
        .execute();
    },
  },
  {
    name: "kms-0006-key-policies",
    async up(db, { text }) {
      await db.schema.alterTable("kms_key").addColumn("policy", text).execute();
    },
  },
];
