import { setImmediate } from "node:timers/promises";

/** How long the event loop may be kept from other requests at a stretch, in milliseconds. */
const TURN_MILLIS = 1;

/** Divides long work on the event loop into turns, between which everything else goes on. */
export class TurnTaker {
  #since = performance.now();

  /** Lets others go first if this turn has been long enough. To be called between pieces of less than a millisecond. */
  async give(): Promise<void> {
    if (performance.now() - this.#since < TURN_MILLIS) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
