import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/**
 * Imported into a server before its own code: on SIGUSR2 it writes how late the event loop was since the last time, into the
 * file that the address of this module names.
 */

const RESOLUTION_MILLIS = 2;

const file = new URL(import.meta.url).searchParams.get("file");

if (isMainThread && file !== null) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS });
  delays.enable();
  process.on("SIGUSR2", () => {
    // What is measured is the time between two timers.
    const p99Millis = Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MILLIS);
    writeFileSync(`${file}.new`, JSON.stringify({ p99Millis }));
    renameSync(`${file}.new`, file);
    delays.reset();
  });
}
