import type { SqlRow } from "@cinnabar/kernel";
import type { DatabaseAccess } from "./database-access.ts";

/** Which row of which table. */
export interface RowPlace {
  readonly table: "kms_key" | "key_version" | "alias" | "key_tag";
  readonly id: string;
}

const IDENTITY = { kms_key: "id", key_version: "id", alias: "name", key_tag: "tag_key" } as const;

/** Somebody who can write the database, but has none of the keys. */
export class Intruder {
  readonly #database: DatabaseAccess;

  constructor(database: DatabaseAccess) {
    this.#database = database;
  }

  /** A copy of a row as it is now, with its revision and MAC. */
  async copy({ table, id }: RowPlace): Promise<SqlRow> {
    const [row] = await this.#database.execute(`SELECT * FROM ${table} WHERE ${IDENTITY[table]} = $1`, [id]);
    if (row === undefined) throw new Error(`${table} has no ${id}`);
    return row;
  }

  /** The copy of a key's first version. */
  async copyVersion(keyId: string): Promise<SqlRow & { readonly id: string }> {
    const [row] = await this.#database.execute("SELECT * FROM key_version WHERE key_id = $1", [keyId]);
    if (row === undefined) throw new Error(`${keyId} has no version`);
    return { ...row, id: String(row["id"]) };
  }

  /** Gives a row these values, whatever they are. */
  async overwrite({ table, id }: RowPlace, values: SqlRow): Promise<void> {
    const names = Object.keys(values);
    const assignments = names.map((name, i) => `${name} = $${i + 2}`).join(", ");
    await this.#database.execute(`UPDATE ${table} SET ${assignments} WHERE ${IDENTITY[table]} = $1`, [
      id,
      ...Object.values(values),
    ]);
  }

  async insert(table: RowPlace["table"], row: SqlRow): Promise<void> {
    const names = Object.keys(row);
    const places = names.map((_, i) => `$${i + 1}`).join(", ");
    await this.#database.execute(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`, Object.values(row));
  }

  async delete({ table, id }: RowPlace): Promise<void> {
    await this.#database.execute(`DELETE FROM ${table} WHERE ${IDENTITY[table]} = $1`, [id]);
  }
}
