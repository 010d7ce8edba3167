import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { applyServerFlags, applyServerSettings } from "./server-heap.ts";

applyServerFlags();

// Node would open a debugger to everybody on this machine, who could then read the keys.
process.on("SIGUSR1", () => undefined);

// Threads look here for the directory, without the part that Node adds for its own version.
const cache = getCompileCacheDir();
// oxlint-disable-next-line no-restricted-properties -- there is no other way to tell a thread
if (cache !== undefined) process.env["NODE_COMPILE_CACHE"] = dirname(cache);

/** Commands that load little of the program, and run sooner than a bundle of all of it is read. */
const LIGHT = new Set(["help", "encrypt", "decrypt", "call", "policy"]);

const [, , command = "help", ...args] = process.argv;
if (LIGHT.has(command) || command.startsWith("-")) await import("./main.ts");
else {
  if (command === "serve") {
    applyServerSettings();
    const { startEarly } = await import("@cinnabar/server/early-start");
    startEarly(args);
  }
  const { loadProgram } = await import("./bundle/load-program.ts");
  await loadProgram();
}
