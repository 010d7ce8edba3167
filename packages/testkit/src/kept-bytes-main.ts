import { writeSync } from "node:fs";
import { type Cut, type Keep, KEEP_CALLS, WHOLE_BYTES } from "./kept-bytes.ts";

// A process of its own: prints how much memory is kept by the module that it is told.

const FIRST_CALLS = 5;

const cut: Cut = (text) => Buffer.alloc(WHOLE_BYTES, `${text}.`).toString("latin1").slice(0, text.length);

const { keep } = (await import(process.argv[2] ?? "")) as { readonly keep: Keep };
// What is loaded and compiled with the first calls does not count.
for (let i = 0; i < FIRST_CALLS; i++) await keep(cut);
const before = heapBytes();
for (let i = 0; i < KEEP_CALLS; i++) await keep(cut);
writeSync(1, String((heapBytes() - before) / KEEP_CALLS));
process.exit();

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
