import { open, realpath } from "node:fs/promises";
import { dirname } from "node:path";

import { type Seal, syncDirectory } from "@cinnabar/kernel";

import { fileError } from "../data-directory/file-error.ts";

/**
 * Makes durable what a seal's file holds. Whoever put it there, or a run that was interrupted, may not have seen to it
 * that a power failure leaves it there.
 *
 * @throws OperatorError
 */
export async function flushSeal({ path }: Seal): Promise<void> {
  if (path === undefined) return;
  try {
    const whole = await realpath(path);
    await using file = await open(whole, "r");
    await file.sync();
    await syncDirectory(dirname(whole));
  } catch (error) {
    throw fileError(`${path} cannot be made durable`, error);
  }
}
