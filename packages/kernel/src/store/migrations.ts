import { type Kysely, sql } from "kysely";
import type { Backend, StoreReader } from "./backend.ts";
import { type ColumnTypes, columnTypes } from "./columns.ts";
import { kyselyOn } from "./kysely-dialect.ts";

/** One step of the schema. Steps are never changed once released; `name` orders them within their product. */
export interface Migration {
  /** `<product>-<four digits>-<what it does>`, unique. */
  readonly name: string;
  up(db: Kysely<unknown>, types: ColumnTypes): Promise<void>;
}

interface MigrationSchema {
  migration: { name: string };
}

/** The store was written by a newer version, whose schema this one does not know. */
export class NewerStoreError extends Error {
  override readonly name = "NewerStoreError";
}

/** The store was written by an earlier version, and nobody has brought its schema up to date yet. */
export class OlderStoreError extends Error {
  override readonly name = "OlderStoreError";
}

/**
 * Checks that the schema is the one of `migrations`, and changes nothing: for who works beside nodes that serve, which
 * know the schema that they began with.
 *
 * @throws {@link NewerStoreError} or {@link OlderStoreError}
 */
export async function assertMigrated(backend: StoreReader, migrations: readonly Migration[]): Promise<void> {
  const db = kyselyOn<MigrationSchema>(backend.kind, backend.reader);
  const done = await readDone(db);
  assertKnown(done, migrations);
  const missing = migrations.filter(({ name }) => !done.has(name));
  if (missing.length > 0) {
    throw new OlderStoreError(
      `The store was written by an earlier Cinnabar: it lacks the schema steps ${missing.map(({ name }) => name).join(", ")}. Start a server of this version first: it brings the store up to date.`,
    );
  }
}

/**
 * Brings the schema up to date in one transaction: all steps, or none.
 *
 * Safe when several nodes start at once: the first one's row lock makes the others wait and then find nothing to do.
 *
 * @throws {@link NewerStoreError} if the store has steps that are not in `migrations`.
 */
export async function migrate(backend: Backend, migrations: readonly Migration[]): Promise<void> {
  const types = columnTypes(backend.kind);
  await createMigrationTable(backend, types);
  await backend.transaction("write", async (connection) => {
    const db = kyselyOn<MigrationSchema>(backend.kind, connection);
    // Everybody updates the same row first, so nodes that start together come here one after the other.
    await db.updateTable("migration").set({ name: LOCK_ROW }).where("name", "=", LOCK_ROW).execute();
    const done = await readDone(db);
    assertKnown(done, migrations);
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      await migration.up(kyselyOn<unknown>(backend.kind, connection), types);
      await db.insertInto("migration").values({ name: migration.name }).execute();
    }
  });
}

const LOCK_ROW = "lock";
const CREATE_ATTEMPTS = 5;

async function readDone(db: Kysely<MigrationSchema>): Promise<Set<string>> {
  return new Set((await db.selectFrom("migration").select("name").execute()).map(({ name }) => name));
}

function assertKnown(done: ReadonlySet<string>, migrations: readonly Migration[]): void {
  const known = new Set([LOCK_ROW, ...migrations.map(({ name }) => name)]);
  const unknown = [...done].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new NewerStoreError(
      `The store was written by a newer Cinnabar: it has the schema steps ${unknown.join(", ")}. Start that version, or a later one.`,
    );
  }
}

async function createMigrationTable(backend: Backend, types: ColumnTypes): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await backend.transaction("write", async (connection) => {
        const db = kyselyOn<MigrationSchema>(backend.kind, connection);
        await db.schema
          .createTable("migration")
          .ifNotExists()
          .addColumn("name", types.text, (column) => column.primaryKey())
          .execute();
        await sql`insert into migration (name) values (${LOCK_ROW}) on conflict do nothing`.execute(db);
      });
      return;
    } catch (error) {
      // Two nodes that create the same table at once can meet inside PostgreSQL's catalogue: the second one tries again.
      if (attempt >= CREATE_ATTEMPTS) throw error;
    }
  }
}
