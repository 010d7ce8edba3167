import { setImmediate } from "node:timers/promises";

/** How long the event loop may be kept from other requests at a stretch, in milliseconds. */
const TURN_MILLIS = 1;

/** How long all turns together may take, and what is thrown once they have. */
export interface TurnBudget {
  /** Milliseconds from when the work begins, with what others take in between. */
  readonly millis: number;
  readonly spent: () => Error;
}

/** Divides long work on the event loop into turns, between which everything else goes on. */
export class TurnTaker {
  readonly #began = performance.now();
  #since = this.#began;
  readonly #budget: TurnBudget | undefined;

  /** @param budget - left out for work that may take as long as it does. */
  constructor(budget?: TurnBudget) {
    this.#budget = budget;
  }

  /**
   * Lets others go first if this turn has been long enough. To be called between pieces of less than a millisecond.
   *
   * @throws what the budget says once it is spent.
   */
  async give(): Promise<void> {
    const now = performance.now();
    if (this.#budget !== undefined && now - this.#began >= this.#budget.millis) throw this.#budget.spent();
    if (now - this.#since < TURN_MILLIS) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
