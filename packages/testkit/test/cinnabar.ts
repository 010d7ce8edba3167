import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { checkout, CINNABAR } from "../src/server-process.ts";

/** Runs the command to its end. */
export async function cinnabar(args: readonly string[]) {
  const child = spawn(process.execPath, [join(checkout, CINNABAR), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { exitCode: child.exitCode, output, errors };
}
