/**
 * Goes on with a value: at once if it is there, when it comes if it is promised. What `next` throws is thrown or makes
 * the promise reject, accordingly.
 *
 * Nearly everything that a call needs is in memory. To `await` it all the same costs a promise, a suspended function and
 * a place in the queue of microtasks, at every layer.
 */
export function proceed<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs `body`. What it throws, at once or later, is for `handle`. */
export function attempt<T, R>(
  body: () => T | Promise<T>,
  handle: (error: unknown) => R | Promise<R>,
): T | R | Promise<T | R> {
  try {
    const outcome = body();
    return outcome instanceof Promise ? outcome.catch(handle) : outcome;
  } catch (error) {
    return handle(error);
  }
}
