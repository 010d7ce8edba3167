import { performance } from "node:perf_hooks";

/** How far the database's clock may be behind the greatest time ever seen before everything is refused, in milliseconds. */
export const MAX_CLOCK_BEHIND_MILLIS = 60_000;

/**
 * The store's time as this process knows it: what the database last said, carried on by a monotonic clock.
 *
 * It never goes back, so a database clock set back revives nothing. A clock that is more than a minute behind is
 * a fault that an operator must settle: {@link StoreClock.behind} says so and requests are refused meanwhile.
 */
export class StoreClock {
  readonly #monotonic: () => number;
  #highWater: number;
  #base: number;
  #baseAt: number;
  #behind = false;

  /** @param highWater - the greatest store time on record, in milliseconds since 1970. */
  constructor(highWater: number, monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#highWater = highWater;
    this.#base = highWater;
    this.#baseAt = monotonic();
  }

  /** Store time in whole milliseconds since 1970. */
  now(): number {
    const estimate = Math.floor(this.#base + (this.#monotonic() - this.#baseAt));
    if (estimate > this.#highWater) this.#highWater = estimate;
    return this.#highWater;
  }

  /** True while the database's clock is more than {@link MAX_CLOCK_BEHIND_MILLIS} behind what was seen before. */
  get behind(): boolean {
    return this.#behind;
  }

  /** Takes in the store's time as a commit returned it: never less than what was seen before. */
  observe(time: number): void {
    if (time > this.#highWater) this.#highWater = time;
    this.#base = time;
    this.#baseAt = this.#monotonic();
  }

  /** Compares the database's clock, store offset added, with what was seen before. */
  check(databaseTime: number): void {
    this.#behind = databaseTime < this.#highWater - MAX_CLOCK_BEHIND_MILLIS;
    if (!this.#behind) this.observe(databaseTime);
  }
}
