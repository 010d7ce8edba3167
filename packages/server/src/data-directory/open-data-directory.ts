import type { Stats } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { syncDirectory } from "@cinnabar/kernel";

import { OperatorError } from "../operator-error.ts";
import { fileError, hasCode } from "./file-error.ts";

const GROUP_AND_OTHERS = 0o077;
const OWNER_ALONE = 0o700;

/**
 * Makes sure that the data directory is there and that nobody but its owner can look into it. What is missing of the
 * path is made with mode 0700.
 *
 * @throws OperatorError if it cannot be made, is no directory, or is open to group or others.
 */
export async function openDataDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(resolve(path));
  } catch (error) {
    throw fileError(`The data directory ${path} cannot be made`, error);
  }
  const status = await statOrExplain(path);
  if (!status.isDirectory()) throw new OperatorError(`The data directory ${path} is not a directory.`);
  if ((status.mode & GROUP_AND_OTHERS) !== 0) {
    throw new OperatorError(
      `The data directory ${path} is open to others than its owner. It holds secrets: ` +
        `find out who could have read it, then run: chmod 700 ${path}`,
    );
  }
}

/**
 * Makes a directory and what is missing above it, durably: durable files in a directory that a power failure forgets
 * would be lost with it. Node's recursive mkdir never ends where the system says ENOENT of a parent that is there, as
 * below /proc.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, OWNER_ALONE);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    if (!hasCode(error, "ENOENT")) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, OWNER_ALONE);
  }
  await syncDirectory(dirname(path));
}

async function statOrExplain(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw fileError(`The data directory ${path} cannot be opened`, error);
  }
}
