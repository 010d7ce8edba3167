import { constants } from "node:fs";
import { type FileHandle, link, open, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { randomBytesPooled, SecretBytes } from "@cinnabar/crypto";

import { decodeRootKeyFile, encodeRootKeyFile, ROOT_KEY_FILE_BYTES } from "./root-key-file.ts";
import { newRootKeyMaterial, RootKey } from "./root-key.ts";
import { type Seal, SealError } from "./seal.ts";

const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;

/**
 * Keeps the root key in a file that only its owner may read. Convenient, and no stronger than the directory it lies in:
 * whoever takes both the file and the store has every key.
 */
export class FileSeal implements Seal {
  readonly kind = "file";
  readonly #path: string;

  /** @param path - of the root key file, in a directory that exists. A symbolic link to one may be opened. */
  constructor(path: string) {
    this.#path = path;
  }

  describe(): string {
    return `file ${this.#path}`;
  }

  async create(): Promise<RootKey> {
    using material = newRootKeyMaterial();
    using contents = new SecretBytes(encodeRootKeyFile(material.bytes));
    try {
      await createDurably(this.#path, contents.bytes);
    } catch (error) {
      if (hasCode(error, "EEXIST")) {
        throw new SealError("exists", `${this.#path} exists already. A root key is never overwritten.`);
      }
      throw this.#unreachable("could not be created", error);
    }
    return new RootKey(material.bytes);
  }

  async open(): Promise<RootKey | undefined> {
    let file: FileHandle;
    try {
      // Non-blocking, because to open a named pipe would wait for its writer.
      file = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw this.#unreachable("could not be opened", error);
    }
    try {
      return await this.#read(file);
    } catch (error) {
      throw error instanceof SealError ? error : this.#unreachable("could not be read", error);
    } finally {
      await file.close();
    }
  }

  async #read(file: FileHandle): Promise<RootKey> {
    const status = await file.stat();
    if (!status.isFile()) throw new SealError("unknownFormat", `${this.#path} is not a regular file.`);
    if ((status.mode & GROUP_AND_OTHERS) !== 0) {
      throw new SealError(
        "exposed",
        `The root key file ${this.#path} may be read or changed by others than its owner. ` +
          `Find out who could have read it, then run: chmod 600 ${this.#path}`,
      );
    }
    // One byte more than there should be, so that a longer file shows.
    using contents = new SecretBytes(Buffer.alloc(ROOT_KEY_FILE_BYTES + 1));
    const { bytesRead } = await file.read(contents.bytes, 0, contents.bytes.length, 0);
    return decodeRootKeyFile(contents.bytes.subarray(0, bytesRead), this.#path);
  }

  #unreachable(what: string, cause: unknown): SealError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SealError("unreachable", `The root key file ${this.#path} ${what}: ${reason}`, { cause });
  }
}

/** Makes a file that is there whole, or not at all, whenever the power fails. @throws EEXIST if `path` is taken. */
async function createDurably(path: string, contents: Uint8Array): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytesPooled(8).toString("hex")}`);
  const file = await open(temporary, "wx", OWNER_ONLY);
  try {
    try {
      await file.chmod(OWNER_ONLY);
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link and not a rename, which would replace what another process put there meanwhile.
    await link(temporary, path);
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(directory);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
