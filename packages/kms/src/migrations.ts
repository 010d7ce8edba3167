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
  {
    name: "kms-0007-public-keys",
    async up(db, { bytes }) {
      await db.schema.alterTable("key_version").addColumn("public_key", bytes).execute();
    },
  },
  {
    name: "kms-0008-rotation",
    async up(db, { integer }) {
      await db.schema.alterTable("kms_key").addColumn("rotation_interval", integer).execute();
      await db.schema.alterTable("kms_key").addColumn("rotate_at", integer).execute();
      await db.schema.alterTable("key_version").addColumn("number", integer).execute();
      await db.schema.alterTable("key_version").addColumn("messages_reserved", integer).execute();
      // Finds the keys of all accounts whose rotation is due; keys that nobody rotates are not in it.
      await db.schema
        .createIndex("kms_key_rotation_due")
        .on("kms_key")
        .columns(["rotate_at", "id"])
        .where(sql.ref("rotate_at"), "is not", null)
        .execute();
      // Finds the versions that have encrypted most; most are not counted, and not in it.
      await db.schema
        .createIndex("key_version_by_messages")
        .on("key_version")
        .columns(["messages_reserved", "key_id"])
        .where(sql.ref("messages_reserved"), "is not", null)
        .execute();
    },
  },
  {
    name: "kms-0009-imported-material",
    async up(db, { integer, bytes }) {
      await db.schema.alterTable("key_version").addColumn("imported_at", integer).execute();
      await db.schema.alterTable("key_version").addColumn("material_expires_at", integer).execute();
      await db.schema.alterTable("key_version").addColumn("material_digest", bytes).execute();
      await db.schema.alterTable("key_version").addColumn("erased_at", integer).execute();
      // Finds the versions whose material has expired; material that stays is not in it.
      await db.schema
        .createIndex("key_version_by_expiry")
        .on("key_version")
        .columns(["material_expires_at", "id"])
        .where(sql.ref("material_expires_at"), "is not", null)
        .execute();
      // Finds out when material was erased last.
      await db.schema
        .createIndex("key_version_by_erasure")
        .on("key_version")
        .column("erased_at")
        .where(sql.ref("erased_at"), "is not", null)
        .execute();
    },
  },
  {
    name: "kms-0010-instances",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("kms_instance")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("type", text, (column) => column.notNull())
        .addColumn("keystore", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("connected_at", integer)
        .addColumn("key_quota", integer, (column) => column.notNull())
        .addColumn("secret_quota", integer, (column) => column.notNull())
        .addColumn("qps_quota", integer, (column) => column.notNull())
        .addColumn("access_quota", integer, (column) => column.notNull())
        .addColumn("network", text)
        .addColumn("bound_vpcs", text)
        .addColumn("is_default", integer)
        .addColumn("deletion_protection", text)
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("kms_instance_by_account")
        .on("kms_instance")
        .columns(["account_id", "created_at", "id"])
        .execute();
      await db.schema
        .createTable("kms_instance_access")
        .addColumn("instance_id", text, (column) => column.notNull().references("kms_instance.id"))
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("source", text, (column) => column.notNull())
        .addColumn("source_id", text, (column) => column.notNull())
        .addColumn("ended_at", integer)
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("kms_instance_access_pk", ["instance_id", "account_id", "source", "source_id"])
        .execute();
      // Finds the instances that are shared with an account.
      await db.schema
        .createIndex("kms_instance_access_by_account")
        .on("kms_instance_access")
        .columns(["account_id", "source", "instance_id"])
        .execute();
      await db.schema
        .alterTable("kms_key")
        .addColumn("instance_id", text, (column) => column.references("kms_instance.id"))
        .execute();
      // Lists and counts an instance's keys; keys of no instance are not in it.
      await db.schema
        .createIndex("kms_key_by_instance")
        .on("kms_key")
        .columns(["instance_id", "created_at", "id", "delete_at"])
        .where(sql.ref("instance_id"), "is not", null)
        .execute();
    },
  },
  {
    name: "kms-0011-application-access",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("network_rule")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("type", text, (column) => column.notNull())
        .addColumn("incarnation", text, (column) => column.notNull())
        .addColumn("sources", text, (column) => column.notNull())
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("network_rule_pk", ["account_id", "name"])
        .execute();
      await db.schema
        .createTable("application_policy")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("incarnation", text, (column) => column.notNull())
        .addColumn("instance_id", text)
        .addColumn("permissions", text, (column) => column.notNull())
        .addColumn("resources", text, (column) => column.notNull())
        .addColumn("network_rules", text, (column) => column.notNull())
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("application_policy_pk", ["account_id", "name"])
        .execute();
      await db.schema
        .createTable("access_point")
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("incarnation", text, (column) => column.notNull())
        .addColumn("authentication_method", text, (column) => column.notNull())
        .addColumn("policies", text, (column) => column.notNull())
        .addColumn("description", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("access_point_pk", ["account_id", "name"])
        .execute();
      await db.schema
        .createTable("client_key")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("access_point", text, (column) => column.notNull())
        .addColumn("incarnation", text, (column) => column.notNull())
        .addColumn("certificate", bytes, (column) => column.notNull())
        .addColumn("not_before", integer, (column) => column.notNull())
        .addColumn("not_after", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("client_key_by_access_point")
        .on("client_key")
        .columns(["account_id", "access_point", "created_at", "id"])
        .execute();
    },
  },
  {
    name: "kms-0013-default-key",
    async up(db, { integer }) {
      await db.schema.alterTable("kms_key").addColumn("is_default", integer).execute();
      // Finds an account's default key; other keys are not in it.
      await db.schema
        .createIndex("kms_key_by_default")
        .on("kms_key")
        .columns(["account_id"])
        .where(sql.ref("is_default"), "is not", null)
        .execute();
    },
  },
  {
    name: "kms-0014-disabled-without-material",
    async up(db, { integer }) {
      await db.schema.alterTable("kms_key").addColumn("was_disabled", integer).execute();
    },
  },
  {
    name: "kms-0015-counted-keys",
    async up(db) {
      // Counts the keys in an account's quota; keys of instances, which count in those, are not in it.
      await db.schema
        .createIndex("kms_key_outside_instances")
        .on("kms_key")
        .columns(["account_id", "creator", "delete_at", "id"])
        .where(sql.ref("instance_id"), "is", null)
        .execute();
    },
  },
];
