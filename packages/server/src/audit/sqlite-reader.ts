import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { SqlConnection, SqlRow, SqlValue } from "@cinnabar/kernel";
import { OperatorError } from "../operator-error.ts";

/**
 * Opens a store's SQLite file for reading alone: it may be that of a running server, or of none.
 *
 * @param path - or the file's URL, with SQLite's own parameters ("Uniform Resource Identifiers").
 *
 * @throws OperatorError if there is no such file, or it is no database.
 */
export function openForReading(path: string | URL): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return database;
  } catch (cause) {
    database?.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError(
      `The database ${typeof path === "string" ? path : fileURLToPath(path)} cannot be read: ${reason}.`,
      { cause },
    );
  }
}

/** Statements on an open database, on the calling thread: an offline tool has no event loop to keep free. */
export function connectTo(database: DatabaseSync): SqlConnection {
  return {
    async execute(sql, parameters) {
      const rows = database.prepare(sql).all(...parameters);
      return { rows: rows.map(toRow), affected: 0 };
    },
  };
}

function toRow(row: Readonly<Record<string, SQLOutputValue>>): SqlRow {
  const converted: Record<string, SqlValue> = {};
  for (const name in row) {
    const value = row[name] ?? null;
    converted[name] = typeof value === "bigint" ? `${value}` : value;
  }
  return converted;
}
