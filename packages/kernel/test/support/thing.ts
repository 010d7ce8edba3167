import type { EntityKind } from "../../src/store/entity-cache.ts";
import type { Migration } from "../../src/store/migrations.ts";
import { ProtectedTable, type RowOf, type Verified } from "../../src/store/protected-table.ts";

const columns = {
  id: "text",
  owner: "text",
  count: "integer",
  ceiling: "integer?",
  note: "text?",
  seal: "bytes",
  data: "bytes?",
} as const;

/** A protected table with a column of every type, as a product would declare one. */
export const thingTable = new ProtectedTable("thing", { columns, identity: ["id"] });
export type ThingRow = RowOf<typeof columns>;
export type ThingSchema = { thing: ThingRow & { revision: number; mac: Uint8Array } };

export function thingRow(id: string, content: Partial<ThingRow> = {}): ThingRow {
  return {
    owner: "somebody",
    count: 0,
    ceiling: null,
    note: null,
    seal: new Uint8Array([1]),
    data: null,
    ...content,
    id,
  };
}

export type Thing = Verified<ThingRow>;

export const thingKind: EntityKind<Thing> = {
  name: "thing",
  capacity: 100,
  async load({ db, guard }, id) {
    const raw = await db
      .$extendTables<ThingSchema>()
      .selectFrom("thing")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    return raw === undefined ? undefined : thingTable.verify(guard, raw);
  },
};

export const thingMigrations: readonly Migration[] = [
  {
    name: "test-0001-things",
    async up(db, { text, integer, bytes }) {
      await db.schema
        .createTable("thing")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("owner", text, (column) => column.notNull())
        .addColumn("count", integer, (column) => column.notNull())
        .addColumn("ceiling", integer)
        .addColumn("note", text)
        .addColumn("seal", bytes, (column) => column.notNull())
        .addColumn("data", bytes)
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("mac", bytes, (column) => column.notNull())
        .execute();
    },
  },
];
