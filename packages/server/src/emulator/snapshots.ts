import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { syncDirectory } from "@cinnabar/kernel";
import { hasCode } from "../data-directory/file-error.ts";

const SUFFIX = ".db";

/** Pages that are copied at once. */
const COPIED_PAGES = 10_000;

/** The name of the state in which the emulator found its store first: what a reset without a name goes back to. */
export const FRESH = "fresh";

/** What a snapshot may be called. */
export const SNAPSHOT_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/** Copies of an emulator's database, in its data directory. No node may have the database open. */
export class Snapshots {
  readonly #database: string;
  readonly #directory: string;

  /** @param data - the data directory. */
  constructor(data: string) {
    this.#database = join(data, "cinnabar.db");
    this.#directory = join(data, "snapshots");
  }

  /** Names, sorted. */
  async list(): Promise<readonly string[]> {
    const files = await readdir(this.#directory).catch((error: unknown) => {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    });
    return files
      .flatMap((file) => {
        const name = file.slice(0, -SUFFIX.length);
        return file.endsWith(SUFFIX) && SNAPSHOT_NAME.test(name) ? name : [];
      })
      .toSorted();
  }

  /** Keeps the database as it is now; what had the name is replaced. */
  async take(name: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = join(this.#directory, `.${name}`);
    await rm(temporary, { force: true });
    // Not a copy of the file: if somebody else reads the database now, part of it is in the log of writes.
    const source = new DatabaseSync(this.#database);
    try {
      await backup(source, temporary, { rate: COPIED_PAGES });
    } finally {
      source.close();
    }
    await rename(temporary, this.#path(name));
    await syncDirectory(this.#directory);
  }

  /** Puts the database back. After a crash at any moment it is as it was before, or as it is to be. */
  async putBack(name: string): Promise<void> {
    const temporary = `${this.#database}.reset`;
    await copyFile(this.#path(name), temporary, constants.COPYFILE_FICLONE);
    // The log of writes belongs to the file that goes: next to the other one it would be written into it.
    await rm(`${this.#database}-wal`, { force: true });
    await rm(`${this.#database}-shm`, { force: true });
    await rename(temporary, this.#database);
  }

  #path(name: string): string {
    return join(this.#directory, `${name}${SUFFIX}`);
  }
}
