import { Worker } from "node:worker_threads";

import { outcomeOf, type SlowAnswer } from "./slow-answer.ts";
import type { SlowOutcome, SlowTask } from "./slow-task.ts";

/** Heap for what a thread has just made, before the garbage collector looks at it. */
const YOUNG_MEGABYTES = 4;

/**
 * Threads that do slow tasks, one at a time each: started when they are first needed, kept, and no reason for the process to go
 * on. Whoever asks waits for a turn before: there are as many threads as tasks at once.
 */
export class SlowThreads {
  readonly #nice: number;
  readonly #idle: SlowThread[] = [];

  /** @param nice - how much below the process's own their priority lies, on Linux's scale of 40. */
  constructor(nice: number) {
    this.#nice = nice;
  }

  /** What came of a task. Rejects with what the task throws, or if the thread ends before. */
  async run(task: SlowTask): Promise<SlowOutcome> {
    let thread = this.#idle.pop();
    while (thread?.hasEnded === true) thread = this.#idle.pop();
    thread ??= new SlowThread(this.#nice);
    const answer = await thread.run(task);
    if (!thread.hasEnded) this.#idle.push(thread);
    return outcomeOf(answer);
  }
}

class SlowThread {
  hasEnded = false;
  readonly #worker: Worker;
  #asked: PromiseWithResolvers<SlowAnswer> | undefined;

  constructor(nice: number) {
    this.#worker = new Worker(new URL("./slow-worker.ts", import.meta.url), {
      workerData: nice,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
    });
    this.#worker.unref();
    this.#worker.on("message", (answer: SlowAnswer) => this.#settle()?.resolve(answer));
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(undefined));
  }

  run(task: SlowTask): Promise<SlowAnswer> {
    this.#asked = Promise.withResolvers();
    this.#worker.ref();
    this.#worker.postMessage(task);
    return this.#asked.promise;
  }

  #settle(): PromiseWithResolvers<SlowAnswer> | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#worker.unref();
    return asked;
  }

  #end(cause: unknown): void {
    this.hasEnded = true;
    this.#settle()?.reject(new Error("a thread for slow cryptography has ended", { cause }));
  }
}
