import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sharedPostgres } from "./postgres.ts";
import { skipWithout } from "./tools.ts";

/** A kind of database that every store test runs on. */
export interface TestDatabase {
  readonly name: "sqlite" | "postgresql";
  /** Makes a fresh, empty database: a file in a new temporary directory, or one on this process's own server. */
  create(): Promise<TestDatabaseInstance>;
}

/** One database, empty when it is made. */
export interface TestDatabaseInstance extends AsyncDisposable {
  /** As `--database` takes it. */
  readonly url: string;
  /** Removes the database with all that is in it; sessions on PostgreSQL are ended. */
  drop(): Promise<void>;
}

const databases: readonly TestDatabase[] = [
  {
    name: "sqlite",
    async create() {
      const directory = await mkdtemp(join(tmpdir(), "cinnabar-sqlite-"));
      return instance(`sqlite:${join(directory, "cinnabar.db")}`, () => rm(directory, { recursive: true }));
    },
  },
  {
    name: "postgresql",
    async create() {
      const server = await sharedPostgres();
      const url = await server.createDatabase();
      return instance(url, () => server.dropDatabase(url));
    },
  },
];

/**
 * Declares tests once for each kind of database: `declare` is called inside a suite named after it. Where PostgreSQL
 * is missing and `npm test` said so, a skipped test stands for its suite.
 */
export function forEachDatabase(declare: (database: TestDatabase) => void): void {
  for (const database of databases) {
    const title = `on ${database.name}`;
    const skip = database.name === "postgresql" && skipWithout("postgresql");
    // The run's last lines count skipped tests, but not skipped suites.
    if (skip === false) describe(title, () => declare(database));
    else test(title, { skip });
  }
}

function instance(url: string, drop: () => Promise<void>): TestDatabaseInstance {
  return { url, drop, [Symbol.asyncDispose]: drop };
}
