/** @throws RangeError unless `size` is an integer from 0 to 2^53 - 1. */
export function assertTreeSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`a tree size is an integer from 0 to 2^53 - 1, not ${size}`);
  }
}

/** Levels of the complete subtrees that `size` leaves form, from left to right: the set bits of `size`, high to low. */
export function subtreeLevels(size: number): number[] {
  const bits = size.toString(2);
  return bits.split("").flatMap((bit, position) => (bit === "1" ? [bits.length - 1 - position] : []));
}

/** The largest power of two smaller than `size`, which is at least 2: where RFC 6962 section 2.1 splits a tree. */
export function splitPoint(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}
