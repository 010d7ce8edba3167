import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const MAIN = fileURLToPath(new URL("kept-bytes-main.ts", import.meta.url));

/** Gives a text as V8 cuts it out of one of {@link WHOLE_BYTES}, which it keeps in memory then. */
export type Cut = (text: string) => string;

/** What a module exports whose memory is measured: each call may keep something of what was cut. */
export type Keep = (cut: Cut) => void | Promise<void>;

/** Length in bytes of what texts are cut out of. */
export const WHOLE_BYTES = 1_000_000;

/** How often the module's `keep` is called. */
export const KEEP_CALLS = 100;

/**
 * How many bytes the calls of a module's `keep` leave on the heap of a process of their own, on average.
 *
 * @param module - a URL.
 */
export async function keptBytes(module: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", MAIN, module]);
  return Number(stdout);
}
