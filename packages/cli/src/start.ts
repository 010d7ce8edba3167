import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { applyServerFlags } from "./server-heap.ts";

applyServerFlags();

// Sources run directly: what Node makes of them is kept in the clone, which halves the time and the memory of a start.
const cache = fileURLToPath(new URL("../../../node_modules/.cache/cinnabar", import.meta.url));
enableCompileCache(cache);
// Threads look for it here.
// oxlint-disable-next-line no-restricted-properties -- there is no other way to tell a thread
process.env["NODE_COMPILE_CACHE"] = cache;

await import("./main.ts");
