/** Tells which of the failures that come again and again the log is to have: another one at once, the same after a while. */
export class FailureRepeats {
  readonly #repeatMillis: number;
  #failures = 0;
  #last = "";
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(repeatMillis: number) {
    this.#repeatMillis = repeatMillis;
  }

  /** Counts a failure. @returns how many there were since the log was told of one, with this; undefined if it is not to be told. */
  count(error: unknown): number | undefined {
    this.#failures++;
    const [failure, now] = [String(error), performance.now()];
    if (failure === this.#last && now - this.#toldAt < this.#repeatMillis) return undefined;
    const failures = this.#failures;
    [this.#failures, this.#last, this.#toldAt] = [0, failure, now];
    return failures;
  }
}
