import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { z } from "zod";

import { OperatorError } from "../operator-error.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import { fileError } from "./file-error.ts";

const SQLITE_BUSY = 5;

const holderSchema = z.object({ pid: z.int(), host: z.string(), startedAt: z.iso.datetime(), listen: z.string() });

/**
 * The right to be the only process on a data directory. It is the lock that SQLite holds on `lock.db` while an exclusive
 * transaction is open, so it ends with the process however that dies. `lock.json` only tells others who holds it.
 *
 * Nothing else in this process may open and close `lock.db`: that would drop the lock (fcntl(2), "Record locks").
 */
export class DataDirectoryLock implements AsyncDisposable {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #startedAt: string;

  private constructor(options: { database: DatabaseSync; path: string; startedAt: string }) {
    this.#database = options.database;
    this.#path = options.path;
    this.#startedAt = options.startedAt;
  }

  /**
   * Takes the lock, without waiting for it.
   *
   * @param options.listen - where the server is going to listen, for the words of {@link DataDirectoryLock.announce}.
   * @param options.now - milliseconds since 1970.
   * @throws OperatorError that says who holds the directory, or why its files cannot be written.
   */
  static async take(
    directory: string,
    options: { readonly listen: string; readonly now: number },
  ): Promise<DataDirectoryLock> {
    const path = join(directory, "lock.json");
    const database = await lock(directory, path);
    const taken = new DataDirectoryLock({ database, path, startedAt: new Date(options.now).toISOString() });
    try {
      await taken.announce(options.listen);
    } catch (error) {
      database.close();
      throw error;
    }
    return taken;
  }

  /** Tells whoever is refused where this process listens. */
  async announce(listen: string): Promise<void> {
    const holder = { pid: process.pid, host: hostname(), startedAt: this.#startedAt, listen };
    await writeFileAtomically(this.#path, `${JSON.stringify(holder)}\n`);
  }

  /** Gives the directory free. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
    this.#database.close();
  }
}

async function lock(directory: string, path: string): Promise<DatabaseSync> {
  const file = join(directory, "lock.db");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (!isBusy(error)) throw fileError(`The lock file ${file} cannot be opened`, error);
    throw new OperatorError(
      `The data directory ${directory} is in use by ${await describeHolder(path)}. ` +
        "Stop that one, or give this one a directory of its own with --data.",
    );
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

async function describeHolder(path: string): Promise<string> {
  try {
    const { pid, host, startedAt, listen } = holderSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return `another server: process ${pid} on ${host}, started ${startedAt}, listening on ${listen}`;
  } catch {
    // It has the lock and has not written its words yet, or has just taken them away.
    return "another server";
  }
}
