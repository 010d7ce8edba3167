import { join } from "node:path";
import { type Backend, openPostgresql, SqliteBackend } from "@cinnabar/kernel";
import { startPostgres } from "@cinnabar/testkit";
import { pinTree } from "./machine.ts";
import type { Workbench } from "./workbench.ts";

export const STORE_NAMES = ["sqlite", "postgresql"] as const;
export type StoreName = (typeof STORE_NAMES)[number];

/** A fresh place for a deployment to keep its data. */
export interface BenchStore {
  readonly name: StoreName;
  /** For `--data`. */
  readonly data: string;
  /** For `--database`. */
  readonly database: string | undefined;
  /** Of the database's first process, where it is not the server's own. */
  readonly databasePid: number | undefined;
  /** When an answer is given, in words. */
  readonly durability: string;
  /** Opens the database directly. The server must have ended. */
  open(): Promise<Backend>;
}

/** Makes a store; PostgreSQL is started beside the load, on its core. It ends with this process. */
export async function createStore(workbench: Workbench, name: StoreName): Promise<BenchStore> {
  const data = workbench.makeDirectory(name);
  if (name === "sqlite") {
    return {
      name,
      data,
      database: undefined,
      databasePid: undefined,
      durability: "SQLite: WAL, synchronous=FULL, one fsync for each batch before its answers",
      open: () => SqliteBackend.open(join(data, "cinnabar.db")),
    };
  }
  const postgres = await startPostgres();
  pinTree(postgres.pid, workbench.cores.others);
  const database = await postgres.createDatabase();
  return {
    name,
    data,
    database,
    databasePid: postgres.pid,
    durability: "PostgreSQL: fsync=on, synchronous_commit=on, one commit for each batch before its answers, no standby",
    open: () => openPostgresql(database),
  };
}
