import type { Backend } from "../backend.ts";

/**
 * Opens a PostgreSQL primary, or a distributed SQL database that speaks its protocol. The driver is loaded only now: a
 * node on SQLite does without it.
 *
 * @throws UnsafeDatabaseError if the server's settings could lose an acknowledged commit.
 */
export async function openPostgresql(url: string): Promise<Backend> {
  const { PostgresqlBackend } = await import("./postgresql-backend.ts");
  return PostgresqlBackend.open(url);
}
