import { open, readdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { SecretBytes } from "@cinnabar/crypto";
import { isRootKeyText, syncDirectory } from "@cinnabar/kernel";

import { fileError, hasCode } from "../data-directory/file-error.ts";

/** What a file is called until it gets its name. */
const UNNAMED = /^\..+\.[0-9a-f]{16}$/;
/** Enough to tell a root key from other files. */
const LOOK_BYTES = 64;

/** Paths of root keys, in plaintext or sealed, that a process which was killed had not given their name yet. */
export async function findUnnamedRootKeys(directories: Iterable<string>): Promise<string[]> {
  const found: string[] = [];
  for (const directory of new Set(directories)) {
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      if (UNNAMED.test(name) && (await holdsRootKey(path))) found.push(path);
    }
  }
  return found;
}

/**
 * Removes what {@link findUnnamedRootKeys} found: it never counted. Should its process be alive after all, that one
 * fails, changes nothing, and may be run again.
 *
 * @returns those that were there.
 * @throws OperatorError if one cannot be removed.
 */
export async function removeRootKeys(paths: readonly string[]): Promise<string[]> {
  const removed: string[] = [];
  for (const path of paths) {
    try {
      await unlink(path);
      removed.push(path);
    } catch (error) {
      if (hasCode(error, "ENOENT")) continue;
      throw fileError(`${path} holds a root key that an interrupted process has left, and cannot be removed`, error);
    }
  }
  for (const directory of new Set(directoriesOf(...removed))) await syncDirectory(directory);
  return removed;
}

/** The directories that these files are in. */
export function directoriesOf(...paths: readonly (string | undefined)[]): string[] {
  return paths.filter((path) => path !== undefined).map((path) => dirname(path));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch {
    // Whoever needs the directory says why it cannot be read.
    return [];
  }
}

async function holdsRootKey(path: string): Promise<boolean> {
  using start = new SecretBytes(Buffer.alloc(LOOK_BYTES));
  try {
    await using file = await open(path);
    if (!(await file.stat()).isFile()) return false;
    const { bytesRead } = await file.read(start.bytes, 0, LOOK_BYTES, 0);
    return isRootKeyText(start.bytes.subarray(0, bytesRead));
  } catch {
    return false;
  }
}
