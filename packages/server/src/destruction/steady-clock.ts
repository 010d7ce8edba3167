/** Two clocks that run as evenly as clocks do may drift apart so far between two looks, in milliseconds. */
const MAX_DRIFT_MILLIS = 60_000;

/**
 * Says for how long the store's time has gone on evenly, as this process's own monotonic clock measures it. A database's
 * clock that was wrongly set forward can be set back; what was done meanwhile because of it may be for ever.
 */
export class SteadyClock {
  readonly #monotonic: () => number;
  #since: { readonly storeTime: number; readonly at: number } | undefined;

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /** Takes in the store's time. @returns for how many milliseconds it has run evenly: 0 the first time, and after a jump. */
  look(storeTime: number): number {
    const at = this.#monotonic();
    const passed = this.#since === undefined ? 0 : at - this.#since.at;
    const expected = this.#since === undefined ? storeTime : this.#since.storeTime + passed;
    if (this.#since !== undefined && Math.abs(storeTime - expected) <= MAX_DRIFT_MILLIS) return passed;
    this.#since = { storeTime, at };
    return 0;
  }
}
