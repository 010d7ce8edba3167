/** A piece of work that waits for its turn. */
interface Waiting {
  readonly begin: () => void;
  /** Whether nobody wants it any more. */
  readonly isGivenUp: () => boolean;
}

/**
 * Gives one turn of the event loop to each piece of work that waits. Those whose work it is take turns, however much of it
 * each has: whoever brings one piece waits for no more than one of each other. Several lines go on beside each other, and none
 * makes another longer.
 */
export class TurnLine {
  /** What waits, in its order, by whose it is; whose last turn is longest ago first. */
  readonly #waiting = new Map<string, Waiting[]>();
  #isMoving = false;

  /**
   * Waits for a turn, of `whose` it is. What has been given up meanwhile is let go as soon as its turn would have come, in a
   * turn that is another's.
   */
  turn(whose: string, isGivenUp: () => boolean = () => false): Promise<void> {
    return new Promise((begin) => {
      const own = this.#waiting.get(whose);
      if (own === undefined) this.#waiting.set(whose, [{ begin, isGivenUp }]);
      else own.push({ begin, isGivenUp });
      if (this.#isMoving) return;
      this.#isMoving = true;
      setImmediate(this.#move);
    });
  }

  readonly #move = (): void => {
    let next = this.#takeNext();
    while (next?.isGivenUp() === true) {
      next.begin();
      next = this.#takeNext();
    }
    next?.begin();
    this.#isMoving = next !== undefined;
    // Also if nothing waits now: what has just begun may want another turn, which is none of this one's.
    if (this.#isMoving) setImmediate(this.#move);
  };

  #takeNext(): Waiting | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [whose, own] = first;
    const next = own.shift();
    this.#waiting.delete(whose);
    if (own.length > 0) this.#waiting.set(whose, own);
    return next;
  }
}
