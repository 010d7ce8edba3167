import { DatabaseSync } from "node:sqlite";
import { openPostgresql, type SqlRow, type SqlValue } from "@cinnabar/kernel";

const BUSY_MILLIS = 10_000;

/** A connection of an outsider to the database that servers use: no server knows of it. */
export interface DatabaseAccess extends AsyncDisposable {
  /** Runs one statement and commits. Placeholders are `$1`, `$2` and so on. */
  execute(sql: string, parameters?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

/** @param url - `sqlite:PATH` of a file that exists, or `postgresql://…`. */
export async function accessDatabase(url: string): Promise<DatabaseAccess> {
  if (!url.startsWith("sqlite:")) {
    const backend = await openPostgresql(url);
    return {
      execute: async (sql, parameters = []) => (await backend.reader.execute(sql, parameters)).rows,
      [Symbol.asyncDispose]: () => backend.close(),
    };
  }
  // Without the foreign keys' checks, which are the connection's own will: an intruder would not ask for them.
  const database = new DatabaseSync(url.slice("sqlite:".length), {
    timeout: BUSY_MILLIS,
    enableForeignKeyConstraints: false,
  });
  return {
    execute(sql, parameters = []) {
      const named = Object.fromEntries(parameters.map((value, i) => [`$${i + 1}`, value]));
      return Promise.resolve(database.prepare(sql).all(named) as SqlRow[]);
    },
    [Symbol.asyncDispose]() {
      database.close();
      return Promise.resolve();
    },
  };
}
