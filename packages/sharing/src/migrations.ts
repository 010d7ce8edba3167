import type { Migration } from "@cinnabar/kernel";

/** Resource shares, and what belongs to them. */
export const sharingMigrations: readonly Migration[] = [
  {
    name: "sharing-0001-resource-shares",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("resource_share")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("account_id", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("allows_external", integer, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("updated_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
      await db.schema
        .createIndex("resource_share_by_account")
        .on("resource_share")
        .columns(["account_id", "id"])
        .execute();
      await db.schema
        .createTable("resource_share_association")
        .addColumn("share_id", text, (column) => column.notNull().references("resource_share.id"))
        .addColumn("type", text, (column) => column.notNull())
        .addColumn("entity_id", text, (column) => column.notNull())
        .addColumn("created_at", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .addPrimaryKeyConstraint("resource_share_association_pk", ["share_id", "type", "entity_id"])
        .execute();
      // Finds what is shared with an account.
      await db.schema
        .createIndex("resource_share_association_by_entity")
        .on("resource_share_association")
        .columns(["type", "entity_id", "share_id"])
        .execute();
    },
  },
];
