import { Worker } from "node:worker_threads";
import type { TreeHead } from "@cinnabar/merkle-log";
import type { ShardFacts } from "./control-facts.ts";
import type { DropRecord } from "./drop-audit.ts";
import type { VerifiedRange } from "./log-audit.ts";
import type { BatchRange } from "./log-source.ts";

/** What a thread needs to verify a range of a log that is not the control log. */
export interface RangeTask {
  /** Of the database. */
  readonly url: string;
  readonly shard: number;
  /** Begins after a batch, not at the log's beginning. */
  readonly range: BatchRange;
  readonly shardFacts: ShardFacts | undefined;
  /** What retention has put on record of the range. */
  readonly drops: readonly DropRecord[];
  readonly lastEpoch: number;
  readonly checkpoints: readonly TreeHead[];
}

/** A thread that verifies one range of a log. */
export class RangeThread implements AsyncDisposable {
  /** `undefined` if anything is wrong, or could not be read. */
  readonly result: Promise<VerifiedRange | undefined>;
  readonly #worker = new Worker(new URL("./range-worker.ts", import.meta.url));

  constructor(task: RangeTask) {
    const { promise, resolve } = Promise.withResolvers<VerifiedRange | undefined>();
    this.result = promise;
    this.#worker.once("message", (verified: VerifiedRange | undefined) => resolve(verified));
    this.#worker.once("error", () => resolve(undefined));
    this.#worker.once("exit", () => resolve(undefined));
    this.#worker.postMessage(task);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
