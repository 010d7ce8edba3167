import { setTimeout } from "node:timers/promises";
import { alarm, type Logger, type Metrics, type SignedCheckpoint } from "@cinnabar/kernel";
import type { CheckpointTarget } from "./checkpoint-target.ts";

/** Pause after a failure, in milliseconds; doubled with each further one, up to the longest. */
const FIRST_PAUSE_MILLIS = 1_000;
const LONGEST_PAUSE_MILLIS = 60_000;
/** How long a checkpoint may wait before that is an alarm, and how often the alarm is repeated. */
const ALARM_AFTER_MILLIS = 60_000;
const ALARM_REPEAT_MILLIS = 600_000;

/**
 * Deliveries after which the newest checkpoint of every other log goes again: who reads only the end of what was
 * delivered must find each log there, the control log too, in which nothing may have happened for long.
 */
const REPEAT_AFTER = 256;

interface Waiting {
  readonly note: string;
  /** When the oldest checkpoint of the log that was never delivered was signed, in milliseconds. */
  readonly since: number;
}

/**
 * Delivers signed checkpoints outside of the database, one at a time, in the background: it never holds anything up. Of
 * each log only the newest waits, since it vouches for all before it.
 */
export class CheckpointDelivery implements AsyncDisposable {
  readonly #target: CheckpointTarget;
  readonly #name: string;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #rest: (millis: number, signal: AbortSignal) => Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  /** Of each log the note that was delivered last, and how many deliveries came before it. */
  readonly #last = new Map<number, { readonly note: string; readonly at: number }>();
  #deliveries = 0;
  readonly #closing = new AbortController();
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #failures = 0;
  #alarmedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param options.name - of the target, for log lines.
   * @param options.now - milliseconds of a clock that does not jump.
   * @param options.rest - waits, unless and until the signal says to go on.
   */
  constructor(options: {
    target: CheckpointTarget;
    name: string;
    log: Logger;
    metrics: Metrics;
    now?: () => number;
    rest?: (millis: number, signal: AbortSignal) => Promise<void>;
  }) {
    this.#target = options.target;
    this.#name = options.name;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#now = options.now ?? (() => performance.now());
    this.#rest = options.rest ?? rest;
    this.#metrics.watchCheckpointDelivery(() => this.#ageMillis() / 1000);
    this.#metrics.watchAlarm("checkpoint-undelivered", () => this.#ageMillis() >= ALARM_AFTER_MILLIS);
  }

  /** Takes checkpoints to deliver, and returns at once. */
  add(checkpoints: readonly SignedCheckpoint[]): void {
    for (const { shard, note } of checkpoints) {
      this.#waiting.set(shard, { note, since: this.#waiting.get(shard)?.since ?? this.#now() });
    }
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Tries once more to deliver what waits, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (const [shard, waiting] of this.#queue()) {
      const isLastTry = signal.aborted;
      try {
        await this.#target.deliver(waiting.note);
        this.#delivered(shard, waiting);
      } catch (error) {
        this.#failed(error);
        if (isLastTry) break;
        await this.#rest(Math.min(FIRST_PAUSE_MILLIS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MILLIS), signal);
      }
    }
    this.#isRunning = false;
  }

  /** The log that has waited longest, as long as there is one. */
  *#queue(): Generator<readonly [number, Waiting]> {
    for (;;) {
      const [next] = [...this.#waiting].toSorted(([, a], [, b]) => a.since - b.since);
      if (next === undefined) return;
      yield next;
    }
  }

  #delivered(shard: number, { note }: Waiting): void {
    const newest = this.#waiting.get(shard);
    if (newest?.note === note) this.#waiting.delete(shard);
    else if (newest !== undefined) this.#waiting.set(shard, { ...newest, since: this.#now() });
    this.#last.set(shard, { note, at: this.#deliveries++ });
    this.#repeat();
    this.#metrics.checkpointsDelivered.add();
    if (this.#failures > 0) this.#log.info({ target: this.#name }, "checkpoints are delivered again");
    this.#failures = 0;
    this.#alarmedAt = Number.NEGATIVE_INFINITY;
  }

  #repeat(): void {
    for (const [shard, { note, at }] of this.#last) {
      if (this.#deliveries - at > REPEAT_AFTER && !this.#waiting.has(shard)) {
        this.#waiting.set(shard, { note, since: this.#now() });
      }
    }
  }

  #failed(cause: unknown): void {
    this.#failures += 1;
    const now = this.#now();
    const fields = { err: cause, target: this.#name, waitingSeconds: Math.round(this.#ageMillis() / 1000) };
    if (this.#failures === 1) this.#log.warn(fields, "a checkpoint could not be delivered: it is tried again");
    if (this.#ageMillis() < ALARM_AFTER_MILLIS || now - this.#alarmedAt < ALARM_REPEAT_MILLIS) return;
    this.#alarmedAt = now;
    this.#log.error(
      { ...fields, ...alarm("checkpoint-undelivered") },
      "no checkpoint has left the database for long: until one does, putting back an older store may go unnoticed",
    );
  }

  #ageMillis(): number {
    const oldest = Math.min(...[...this.#waiting.values()].map(({ since }) => since));
    return oldest === Infinity ? 0 : this.#now() - oldest;
  }
}

async function rest(millis: number, signal: AbortSignal): Promise<void> {
  await setTimeout(millis, undefined, { signal, ref: false }).catch(() => undefined);
}
