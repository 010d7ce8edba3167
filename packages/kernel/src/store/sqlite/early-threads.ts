import { Worker } from "node:worker_threads";

/** Nothing that the thread makes outlives its call: little room for what is new is enough. */
const YOUNG_MEGABYTES = 6;
/** A store has one that writes and one that reads. */
const THREADS = 2;

/** Started, and not taken yet. */
const early: Worker[] = [];

/**
 * Starts the threads that the next SQLite store takes. It takes as long as loading the sources that open one, so whoever
 * knows early that a store will be opened can have both at once. Threads that nobody takes hold no process.
 */
export function startSqliteThreads(): void {
  while (early.length < THREADS) {
    const worker = newWorker();
    worker.unref();
    worker.on("error", forget);
    worker.on("exit", forget);
    early.push(worker);

    function forget(): void {
      const at = early.indexOf(worker);
      if (at >= 0) early.splice(at, 1);
    }
  }
}

/** A thread that was started early, or else now. */
export function takeSqliteThread(): Worker {
  const worker = early.shift();
  if (worker === undefined) return newWorker();
  worker.removeAllListeners("error");
  worker.removeAllListeners("exit");
  worker.ref();
  return worker;
}

function newWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
  });
}
