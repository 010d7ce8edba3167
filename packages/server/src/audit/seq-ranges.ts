/** Batches of a log as ranges of their seq, both ends included. */
export type SeqRange = readonly [first: number, last: number];

/** A set of batches that mostly follow one another. */
export class SeqRanges {
  /** In order, apart from each other. */
  readonly #ranges: [number, number][] = [];

  constructor(ranges: Iterable<SeqRange> = []) {
    for (const range of ranges) this.add(range);
  }

  /** @param range - its first is not greater than its last. */
  add([first, last]: SeqRange): void {
    // Of all ranges that touch the new one, which become one with it, the first; mostly it is added at the end.
    const start = this.#indexOf(first - 1);
    let [end, joined] = [start, [first, last] as [number, number]];
    for (let range = this.#ranges[end]; range !== undefined && range[0] <= last + 1; range = this.#ranges[end]) {
      joined = [Math.min(joined[0], range[0]), Math.max(joined[1], range[1])];
      end += 1;
    }
    this.#ranges.splice(start, end - start, joined);
  }

  has(seq: number): boolean {
    const range = this.#ranges[this.#indexOf(seq)];
    return range !== undefined && range[0] <= seq;
  }

  /** Of the first range that does not end before `seq`. */
  #indexOf(seq: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range[1] < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
