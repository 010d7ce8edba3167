import { setTimeout } from "node:timers/promises";
import { type Backend, claimJob, FailureRepeats, type Logger, releaseJob } from "@cinnabar/kernel";
import type { Job } from "./job.ts";

/** A node that was killed keeps the others from its jobs for this long, in milliseconds. */
const CLAIM_MILLIS = 60_000;
/** A job that goes on failing is logged no more often. Some are tried twice a second, and a database can be away for hours. */
const REPEAT_MILLIS = 60_000;

/** Runs a node's jobs, each in a loop of its own. */
export class JobRunner {
  readonly #jobs: readonly Job[];
  readonly #backend: Backend;
  readonly #node: string;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #rounds = new Map<Job, Promise<void>>();
  #loops: readonly Promise<void>[] = [];

  constructor(options: { jobs: readonly Job[]; backend: Backend; node: string; log: Logger }) {
    this.#jobs = options.jobs;
    this.#backend = options.backend;
    this.#node = options.node;
    this.#log = options.log;
  }

  start(): void {
    this.#loops = this.#jobs.map((job) => this.#loop(job));
  }

  /** Ends after the pieces of work under way, and leaves the jobs to the other nodes. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await Promise.allSettled(this.#rounds.values());
    await Promise.all(
      this.#jobs
        .filter(isShared)
        // Where the database is away, the claims end by themselves.
        .map((job) => releaseJob(this.#backend, { job: job.name, node: this.#node }).catch(() => undefined)),
    );
  }

  /**
   * Does everything that is due now, the jobs one after the other in their order, whatever their pauses.
   *
   * @throws what a job throws.
   */
  async runDue(): Promise<void> {
    for (const job of this.#jobs) await this.#round(job);
  }

  /** The earliest store time later than `after` at which a job has something to do; `undefined` if none has. */
  async nextDueAt(after: number): Promise<number | undefined> {
    const times = await Promise.all(this.#jobs.map(async (job) => job.nextDueAt?.(after)));
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  async #loop(job: Job): Promise<void> {
    const { signal } = this.#stop;
    const repeats = new FailureRepeats(REPEAT_MILLIS);
    while (!signal.aborted) {
      try {
        await this.#round(job);
      } catch (error) {
        const failures = signal.aborted ? undefined : repeats.count(error);
        if (failures !== undefined)
          this.#log.warn({ err: error, job: job.name, failures }, "a job could not be finished");
      }
      await setTimeout(job.everyMillis, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** One after the other: who asks during a round gets one that begins after it. */
  async #round(job: Job): Promise<void> {
    const before = this.#rounds.get(job) ?? Promise.resolve();
    const round = before.catch(() => undefined).then(() => this.#work(job));
    this.#rounds.set(job, round);
    await round;
  }

  async #work(job: Job): Promise<void> {
    const { signal } = this.#stop;
    const claim = { job: job.name, node: this.#node, millis: CLAIM_MILLIS };
    for (;;) {
      if (signal.aborted) return;
      if (isShared(job) && !(await claimJob(this.#backend, claim))) return;
      if (!(await job.run(signal))) return;
    }
  }
}

function isShared(job: Job): boolean {
  return job.runsOn === undefined;
}
