import {
  alarm,
  type Logger,
  type Metrics,
  type SignedCheckpoint,
  type StoreObserver,
  TamperedRowError,
  type Tracing,
  type WrittenBatch,
} from "@cinnabar/kernel";

/** Least time between two lines about the same thing, in milliseconds. */
const LINE_MILLIS = 1_000;
/** Lines about different things that were tampered with, in that time. */
const MAX_TAMPERED_LINES = 64;

/** Turns what the store tells its process into metrics, alarms, and the answer whether the store can be reached. */
export class StoreWatch implements StoreObserver {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #fatal: (reason: string) => void;
  readonly #deliver: (checkpoints: readonly SignedCheckpoint[]) => void;
  readonly #written: (batch: WrittenBatch) => void;
  readonly #tracing: Tracing | undefined;
  #isReachable = true;
  #unavailableLoggedAt = Number.NEGATIVE_INFINITY;
  /** When each cause of the last {@link LINE_MILLIS} was told, those first that were told first. */
  readonly #tamperedLoggedAt = new Map<string, number>();

  /**
   * @param options.fatal - ends the process at once.
   * @param options.deliver - takes signed checkpoints out of the database, and returns at once.
   * @param options.written - takes what this process has put on record, and returns at once.
   */
  constructor(options: {
    metrics: Metrics;
    log: Logger;
    fatal: (reason: string) => void;
    deliver: (checkpoints: readonly SignedCheckpoint[]) => void;
    written: (batch: WrittenBatch) => void;
    /** Left out, nothing is traced. */
    tracing?: Tracing | undefined;
  }) {
    this.#metrics = options.metrics;
    this.#log = options.log;
    this.#fatal = options.fatal;
    this.#deliver = options.deliver;
    this.#written = options.written;
    this.#tracing = options.tracing;
  }

  /** False from the first time that the store did not answer until it does. It is asked every second, without a request too. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  committed(...[batch, { millis, submissions }]: Parameters<StoreObserver["committed"]>): void {
    this.#isReachable = true;
    const { length: events } = batch.events;
    this.#tracing?.committed({ events, millis, calls: submissions.map(({ ticket }) => ticket.trace) });
    this.#metrics.batchEvents.observe(events);
    this.#metrics.batchCommitSeconds.observe(millis / 1000);
    this.#written(batch);
  }

  missed(): void {
    this.#metrics.epochRetries.add();
  }

  unavailable(cause: unknown): void {
    this.#isReachable = false;
    if (cause instanceof TamperedRowError) this.tampered(cause);
    const now = performance.now();
    if (now - this.#unavailableLoggedAt < LINE_MILLIS) return;
    this.#unavailableLoggedAt = now;
    this.#log.error({ err: cause, ...alarm("log-unavailable") }, "the store does not take the audit log's batches");
  }

  tampered(error: TamperedRowError): void {
    this.#metrics.tamperedRows.add();
    const now = performance.now();
    const told = this.#tamperedLoggedAt;
    for (const [cause, at] of told) {
      if (now - at < LINE_MILLIS) break;
      told.delete(cause);
    }
    if (told.has(error.message) || told.size >= MAX_TAMPERED_LINES) return;
    told.set(error.message, now);
    this.#log.error({ err: error, ...alarm("tampered-row") }, "the store was tampered with");
  }

  fenced(reason: string): void {
    this.#log.fatal({ ...alarm("fenced"), reason }, "this process must end");
    this.#fatal(reason);
  }

  clockBehind(): void {
    this.#log.error(alarm("clock-behind"), "the database's clock is behind the times on record: everything is refused");
  }

  checkpointed(checkpoints: readonly SignedCheckpoint[]): void {
    this.#isReachable = true;
    this.#metrics.checkpoints.add(checkpoints.length);
    this.#deliver(checkpoints);
  }
}
