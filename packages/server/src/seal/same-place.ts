import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { SealError } from "@cinnabar/kernel";

/**
 * Whether two paths lead to the same name of a file, be it there or not.
 *
 * @throws SealError if one file has both paths and no name in common, as with a directory mounted twice, or a link.
 */
export async function isSamePlace(one: string, other: string): Promise<boolean> {
  if ((await placeOf(one)) === (await placeOf(other))) return true;
  const [a, b] = await Promise.all([one, other].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  if (a === undefined || b === undefined || a.dev !== b.dev || a.ino !== b.ino) return false;
  throw new SealError("exists", `${one} and ${other} are the same file. Nothing was changed: name another one.`);
}

/** Where a path leads, be there a file or not. */
export async function placeOf(path: string): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch {
    return join(await realpath(dirname(whole)).catch(() => dirname(whole)), basename(whole));
  }
}
