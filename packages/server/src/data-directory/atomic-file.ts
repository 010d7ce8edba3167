import { randomBytes } from "node:crypto";
import { access, type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncDirectory } from "@cinnabar/kernel";

import { fileError, hasCode } from "./file-error.ts";

/** Read and written by its owner alone. */
const OWNER_ONLY = 0o600;

/**
 * Writes a file that afterwards is there whole and durable; until then, and after a failure or a crash at any moment,
 * what was there before still is.
 *
 * @param options.mode - permissions, 0600 unless given; those of a file that was there do not count.
 * @throws OperatorError that names the path and the reason, a full disk for example.
 */
export async function writeFileAtomically(
  path: string,
  contents: string | Uint8Array,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const { mode = OWNER_ONLY } = options;
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString("hex")}`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      // What the umask took away.
      await file.chmod(mode);
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(`${path} cannot be written`, error);
  }
}

/**
 * Writes a file, 0600, where none is, and makes it durable. What a crash leaves may be a part of it.
 *
 * @throws OperatorError that names the path and the reason, also that a file is there already; it stays as it is.
 */
export async function writeNewFile(path: string, contents: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "wx", OWNER_ONLY);
  } catch (error) {
    throw fileError(`${path} cannot be written`, error);
  }
  try {
    try {
      await file.chmod(OWNER_ONLY);
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw fileError(`${path} cannot be written`, error);
  }
}

/** Whether there is a file or a directory of this name, as far as this user sees. */
export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Reads a small file, `undefined` if there is none. @throws OperatorError */
export async function readFileIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw fileError(`${path} cannot be read`, error);
  }
}
