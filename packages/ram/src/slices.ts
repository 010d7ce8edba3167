/** So many rows are read in one go: between two goes other calls are served. */
export const ROWS_AT_ONCE = 100;

/** Divides what is looked up, so that no one read holds up everything else. */
export function* slices<T>(all: readonly T[], size = ROWS_AT_ONCE): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
}
