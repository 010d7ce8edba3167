import { type Backend, openPostgresql, SqliteBackend } from "@cinnabar/kernel";
import { maskPassword } from "./configuration/index.ts";
import { OperatorError } from "./operator-error.ts";

const SQLITE_SCHEME = "sqlite:";

/**
 * Opens the database that a URL names: `sqlite:PATH`, or `postgres://…` for a PostgreSQL primary.
 *
 * @throws OperatorError if it cannot be reached or opened, or if PostgreSQL is set so that it could lose what it
 * acknowledges.
 */
export async function openDatabase(url: string): Promise<Backend> {
  try {
    if (url.startsWith(SQLITE_SCHEME)) return await SqliteBackend.open(url.slice(SQLITE_SCHEME.length));
    return await openPostgresql(url);
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new OperatorError(`The database ${maskPassword(url)} cannot be used: ${reason}`, { cause: error });
  }
}
