import { setTimeout } from "node:timers/promises";
import {
  alarm,
  type Backend,
  type Logger,
  type Metrics,
  type RowGuard,
  sweep,
  type SweptTable,
} from "@cinnabar/kernel";

/** Pause between two sweeps, in milliseconds. */
const PAUSE_MILLIS = 60_000;
/** The sweep rests this many times as long as it works, so that requests hardly feel it. */
const REST_FACTOR = 9;

/** Compares all protected rows with the set hash, over and over, and raises an alarm if they differ. */
export class Sweeper {
  readonly #backend: Backend;
  readonly #guard: RowGuard;
  readonly #tables: readonly SweptTable[];
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: {
    backend: Backend;
    guard: RowGuard;
    tables: readonly SweptTable[];
    log: Logger;
    metrics: Metrics;
  }) {
    this.#backend = options.backend;
    this.#guard = options.guard;
    this.#tables = options.tables;
    this.#log = options.log;
    this.#metrics = options.metrics;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** One sweep, now. @returns what does not hold. */
  async sweepOnce(): Promise<readonly string[]> {
    const startedAt = performance.now();
    const { rows, problems } = await sweep({
      backend: this.#backend,
      guard: this.#guard,
      tables: this.#tables,
      rest: (busyMillis) => this.#rest(busyMillis * REST_FACTOR),
    });
    this.#metrics.sweepEnded((performance.now() - startedAt) / 1000);
    if (problems.length > 0) {
      this.#metrics.tamperedRows.add(problems.length);
      this.#log.error(
        { ...alarm("tampered-row"), problems: problems.slice(0, 20), rows },
        "the store was tampered with",
      );
    }
    return problems;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.sweepOnce();
        await this.#rest(PAUSE_MILLIS);
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ err: error }, "a sweep could not be finished");
        await this.#rest(PAUSE_MILLIS).catch(() => undefined);
      }
    }
  }

  /** @throws an AbortError once the sweeper is to stop. */
  #rest(millis: number): Promise<void> {
    return setTimeout(millis, undefined, { signal: this.#stop.signal, ref: false });
  }
}
