import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { applyServerFlags } from "./server-heap.ts";

applyServerFlags();

// Threads look here for the directory, without the part that Node adds for its own version.
const cache = getCompileCacheDir();
// oxlint-disable-next-line no-restricted-properties -- there is no other way to tell a thread
if (cache !== undefined) process.env["NODE_COMPILE_CACHE"] = dirname(cache);

// Other commands load little of the program.
if (process.argv[2] === "serve") {
  const { startEarly } = await import("@cinnabar/server/early-start");
  startEarly(process.argv.slice(3));
  const { loadProgram } = await import("./bundle/load-program.ts");
  await loadProgram();
} else await import("./main.ts");
