import {
  alarm,
  type Backend,
  DatabaseAwayError,
  type Logger,
  type Metrics,
  TamperedRowError,
  UnknownOutcomeError,
} from "@cinnabar/kernel";

/** What could not be done. */
interface Entry {
  /** What it was to be done to, for the log line. */
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly message: string;
}

/**
 * What a job could not do and passed over, so that all the rest gets its turn. What was tampered with raises the alarm
 * `tampered-row`, anything else `unfinished-work`, until a round of the job's had nothing of it.
 */
export class PassedOver {
  readonly #backend: Backend;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  #isInThisRound = false;
  #wasInLastRound = false;

  constructor(parts: { readonly backend: Backend; readonly log: Logger; readonly metrics: Metrics }) {
    this.#backend = parts.backend;
    this.#log = parts.log;
    this.#metrics = parts.metrics;
    parts.metrics.watchAlarm("unfinished-work", () => this.#isInThisRound || this.#wasInLastRound);
  }

  /**
   * Takes in what was thrown while something was done.
   *
   * @throws what says so, if it is the store that is away: then nothing else can be done now either.
   */
  async add(error: unknown, entry: Entry): Promise<void> {
    if (error instanceof TamperedRowError) return this.addTampered(error, entry);
    if (error instanceof DatabaseAwayError || error instanceof UnknownOutcomeError) throw error;
    // A connection that ends within a transaction ends it with whatever error it has.
    await this.#backend.clock();
    this.#isInThisRound = true;
    this.#log.error({ ...alarm("unfinished-work"), err: error, ...entry.fields }, entry.message);
  }

  /** Takes in what nobody but somebody without the keys can be the cause of. */
  addTampered(error: Error, { fields, message }: Entry): void {
    this.#metrics.tamperedRows.add();
    this.#log.error({ ...alarm("tampered-row"), err: error, ...fields }, message);
  }

  /** Everything that was due has had its turn. */
  endRound(): void {
    this.#wasInLastRound = this.#isInThisRound;
    this.#isInThisRound = false;
  }
}
