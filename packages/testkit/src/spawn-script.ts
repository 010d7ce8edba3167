import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { checkout } from "./server-process.ts";

/** Where the command line has Node keep what it makes of the sources. */
const CODE_CACHE = join(checkout, "node_modules/.cache/cinnabar");

/**
 * Starts a script of a test as a process of its own, from the code that the command line's processes keep: one that is
 * killed keeps none itself, and to strip types again is half of what it does. It has no other variables, and shows errors.
 */
export function spawnScript(path: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [path, ...args], {
    env: { NODE_COMPILE_CACHE: CODE_CACHE },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
