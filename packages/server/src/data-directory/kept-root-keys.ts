import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What follows a seal's name: a root key's check value, or the mark of the next one. */
const SUFFIX = /^\.(?:[A-Za-z0-9_-]{22}|next)$/;

/**
 * Paths of the root keys that rotations have kept beside a seal's file, be that there or not, and of a next one that an
 * interrupted rotation has left. They are sealed as the file was then.
 */
export async function keptRootKeys(path: string): Promise<string[]> {
  const [directory, name] = [dirname(path), basename(path)];
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((found) => found.startsWith(name) && SUFFIX.test(found.slice(name.length)))
    .toSorted()
    .map((found) => join(directory, found));
}
