import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, realpath, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { randomBytesPooled, SecretBytes } from "@cinnabar/crypto";

import { syncDirectory } from "../platform/sync-directory.ts";
import { SealError } from "./seal.ts";

const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;
const TEMPORARY_SUFFIX = /^\.[0-9a-f]{16}$/;

/** The file that a seal writes: whole or not there, whenever the power fails. Every error is a {@link SealError}. */
export class SealedFile {
  readonly path: string;
  readonly #isPrivate: boolean;

  /**
   * @param options.path - in a directory that exists. What is read may be behind a symbolic link.
   * @param options.isPrivate - whether the file alone gives the root key away: then only its owner may read it.
   */
  constructor(options: { readonly path: string; readonly isPrivate: boolean }) {
    this.path = options.path;
    this.#isPrivate = options.isPrivate;
  }

  /**
   * The file's bytes, `undefined` if it is not there. The caller clears them.
   *
   * @param maxBytes - of a longer file one byte more is read, so that it shows.
   */
  async read(maxBytes: number): Promise<SecretBytes<Buffer> | undefined> {
    let file: FileHandle;
    try {
      // Non-blocking, because to open a named pipe would wait for its writer.
      file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw this.#unreachable("could not be opened", error);
    }
    try {
      return await this.#readOpened(file, maxBytes);
    } catch (error) {
      throw error instanceof SealError ? error : this.#unreachable("could not be read", error);
    } finally {
      await file.close();
    }
  }

  /** Whether something has the file's name, whatever it is. */
  async isTaken(): Promise<boolean> {
    try {
      await lstat(this.path);
      return true;
    } catch {
      // Why it cannot be looked at, the attempt to write it says.
      return false;
    }
  }

  /** Where a symbolic link leads: that is what has to be replaced or removed. */
  async realPath(): Promise<string> {
    try {
      return await realpath(this.path);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return this.path;
      throw this.#unreachable("could not be found", error);
    }
  }

  /** Gives the file a second name in its directory, durably. */
  async linkTo(other: string): Promise<void> {
    try {
      await link(await this.realPath(), other);
      await syncDirectory(dirname(other));
    } catch (error) {
      throw hasCode(error, "EEXIST") ? alreadyThere(other) : this.#unreachable(`could not be kept as ${other}`, error);
    }
  }

  /** Gives the file another name in its directory, in place of what has it, durably. Another process may be as far. */
  async moveTo(other: string): Promise<void> {
    try {
      await rename(this.path, other);
      await syncDirectory(dirname(other));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw unreachable(other, "could not be replaced", error);
    }
  }

  /** Writes what the file is to hold, durably, under a name of its own in the same directory. */
  async stage(contents: Uint8Array): Promise<StagedFile> {
    try {
      const path = await this.realPath();
      const temporary = join(dirname(path), `.${basename(path)}.${randomBytesPooled(8).toString("hex")}`);
      const file = await open(temporary, "wx", OWNER_ONLY);
      const staged = new StagedFile({ path, temporary, isPrivate: this.#isPrivate });
      try {
        await file.chmod(OWNER_ONLY);
        await file.writeFile(contents);
        await file.sync();
      } catch (error) {
        await staged[Symbol.asyncDispose]();
        throw error;
      } finally {
        await file.close();
      }
      return staged;
    } catch (error) {
      throw this.#unreachable("could not be created", error);
    }
  }

  /** Removes the file, and what an interrupted process left of it under other names, durably. */
  async remove(): Promise<void> {
    try {
      const path = await this.realPath();
      await removeLeftovers(path);
      for (const found of [path, this.path]) await unlinkIfThere(found);
      await syncDirectory(dirname(path));
    } catch (error) {
      throw this.#unreachable("could not be removed", error);
    }
  }

  async #readOpened(file: FileHandle, maxBytes: number): Promise<SecretBytes<Buffer>> {
    const status = await file.stat();
    if (!status.isFile()) throw new SealError("unknownFormat", `${this.path} is not a regular file.`);
    if (this.#isPrivate && (status.mode & GROUP_AND_OTHERS) !== 0) {
      throw new SealError(
        "exposed",
        `The root key file ${this.path} may be read or changed by others than its owner. ` +
          `Find out who could have read it, then run: chmod 600 ${this.path}`,
      );
    }
    const bytes = Buffer.alloc(maxBytes + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return new SecretBytes(bytes.subarray(0, bytesRead));
  }

  #unreachable(what: string, cause: unknown): SealError {
    return unreachable(this.path, what, cause);
  }
}

/** A file that is written and does not count yet. */
export class StagedFile implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #isPrivate: boolean;

  constructor(options: { readonly path: string; readonly temporary: string; readonly isPrivate: boolean }) {
    this.#path = options.path;
    this.#temporary = options.temporary;
    this.#isPrivate = options.isPrivate;
  }

  /** What is on disk. The caller clears it. */
  async read(maxBytes: number): Promise<SecretBytes<Buffer>> {
    const contents = await new SealedFile({ path: this.#temporary, isPrivate: this.#isPrivate }).read(maxBytes);
    if (contents === undefined) throw new SealError("damaged", `${this.#temporary} vanished while it was checked.`);
    return contents;
  }

  /** Gives the file its name, durably. @throws SealError `exists` if it is taken and may not be replaced. */
  async publish({ replace }: { readonly replace: boolean }): Promise<void> {
    try {
      if (replace) {
        await rename(this.#temporary, this.#path);
      } else {
        // A link and not a rename, which would replace what another process put there meanwhile.
        await link(this.#temporary, this.#path);
        await unlink(this.#temporary);
      }
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      if (hasCode(error, "EEXIST")) throw alreadyThere(this.#path);
      throw unreachable(this.#path, "could not be created", error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await unlinkIfThere(this.#temporary);
  }
}

/** Removes what was written for a file and never got its name. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = `.${basename(path)}`;
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(prefix) || !TEMPORARY_SUFFIX.test(name.slice(prefix.length))) continue;
    await unlinkIfThere(join(dirname(path), name));
  }
}

export function alreadyThere(path: string): SealError {
  return new SealError("exists", `${path} exists already. A root key is never overwritten.`);
}

function unreachable(path: string, what: string, cause: unknown): SealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SealError("unreachable", `The root key file ${path} ${what}: ${reason}`, { cause });
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
