import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { fileError } from "../data-directory/file-error.ts";

const SQLITE_BUSY = 5;
const LOCK_FILE = ".seal-lock.db";

/**
 * The right to be the only process that moves the root keys in a directory. It is the lock that SQLite holds on a file
 * of its own there while an exclusive transaction is open, so it ends with the process however that dies.
 */
export class SealLock implements Disposable {
  readonly #taken: DisposableStack;

  private constructor(taken: DisposableStack) {
    this.#taken = taken;
  }

  /**
   * Takes the locks of the directories of all these files, without waiting.
   *
   * @returns `undefined` if another process has one of them.
   * @throws OperatorError if a lock's file cannot be written.
   */
  static async take(paths: readonly (string | undefined)[]): Promise<SealLock | undefined> {
    const directories = new Set<string>();
    for (const path of paths) if (path !== undefined) directories.add(await directoryOf(path));
    using taken = new DisposableStack();
    // In one order, so that two never wait for each other's.
    for (const directory of [...directories].toSorted()) {
      const database = lock(join(directory, LOCK_FILE));
      if (database === undefined) return undefined;
      taken.adopt(database, (locked) => locked.close());
    }
    return new SealLock(taken.move());
  }

  [Symbol.dispose](): void {
    this.#taken.dispose();
  }
}

function lock(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw fileError(`The lock file ${path} cannot be opened`, error);
  }
}

/** Where a symbolic link leads: that is where what is replaced stands. */
async function directoryOf(path: string): Promise<string> {
  const whole = await realpath(path).catch(() => path);
  return realpath(dirname(whole)).catch(() => dirname(whole));
}
