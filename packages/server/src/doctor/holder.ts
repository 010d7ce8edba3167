import { readdir, readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { hasCode } from "../data-directory/index.ts";

const schema = z.object({ pid: z.int().positive(), host: z.string(), startedAt: z.string(), listen: z.string() });
const PROGRAM = /^cinnabar(?:\.js)?$/;

/** The server that runs on a data directory, as it says itself. */
export interface Holder extends z.output<typeof schema> {
  /** Whether its process was seen on this machine; of another machine's nothing can be. */
  readonly isSeen: boolean;
}

/**
 * Reads who holds a data directory, without touching the lock, which a server that starts just now may want. What a
 * server that was killed has left behind is not believed, whatever process has its number now.
 *
 * @returns `undefined` if nobody does, or the process that did is gone.
 */
export async function readHolder(directory: string): Promise<Holder | undefined> {
  let said: z.output<typeof schema>;
  try {
    said = schema.parse(JSON.parse(await readFile(join(directory, "lock.json"), "utf8")));
  } catch {
    return undefined;
  }
  if (said.host !== hostname()) return { ...said, isSeen: false };
  const holds = process.platform === "linux" ? await hasLockOpen(said.pid, directory) : isAlive(said.pid);
  return holds ? { ...said, isSeen: true } : undefined;
}

/** Whoever has the lock has its file open. Of another user's process only the command line can be read. */
async function hasLockOpen(pid: number, directory: string): Promise<boolean> {
  const descriptors = `/proc/${pid}/fd`;
  try {
    const lock = await stat(join(directory, "lock.db"));
    const names: string[] = await readdir(descriptors);
    const files = await Promise.all(names.map((name) => stat(join(descriptors, name)).catch(() => undefined)));
    return files.some((file) => file?.ino === lock.ino && file.dev === lock.dev);
  } catch (error) {
    if (!hasCode(error, "EACCES") && !hasCode(error, "EPERM")) return false;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return line.split("\0").some((argument) => PROGRAM.test(basename(argument)));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}
