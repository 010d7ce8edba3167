import type { Backend, SqlConnection } from "@cinnabar/kernel";
import { openDatabase } from "../database.ts";
import { connectTo, openForReading } from "./sqlite-reader.ts";

/**
 * Runs `body` on a database as it stands at one moment. Reads only; a server may be running or not.
 *
 * @param url - `sqlite:PATH`, or `postgres://…` for a PostgreSQL primary.
 * @throws OperatorError if the database cannot be read.
 */
export async function withSnapshot<T>(
  url: string,
  body: (connection: SqlConnection, kind: Backend["kind"]) => Promise<T>,
): Promise<T> {
  const path = /^sqlite:(.*)$/s.exec(url)?.[1];
  if (path !== undefined) {
    using database = openForReading(path);
    database.exec("BEGIN");
    return await body(connectTo(database), "sqlite");
  }
  const backend = await openDatabase(url);
  try {
    return await backend.transaction("snapshot", (connection) => body(connection, "postgresql"));
  } finally {
    await backend.close();
  }
}
