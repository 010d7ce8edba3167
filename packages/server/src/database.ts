import { type Backend, openPostgresql, SqliteBackend } from "@cinnabar/kernel";

const SQLITE_SCHEME = "sqlite:";

/**
 * Opens the database that a URL names: `sqlite:PATH`, or `postgres://…` for a PostgreSQL primary.
 *
 * @throws UnsafeDatabaseError if PostgreSQL is set so that it could lose what it acknowledges.
 */
export async function openDatabase(url: string): Promise<Backend> {
  if (url.startsWith(SQLITE_SCHEME)) return SqliteBackend.open(url.slice(SQLITE_SCHEME.length));
  return openPostgresql(url);
}
