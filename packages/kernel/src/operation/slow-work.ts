import { ApiError } from "./errors.ts";

/** Whoever waits for a call's answer. */
export interface Waiting {
  /** Told of slow work that the call needs done: until it settles, nobody counts how long the call waits for its record. */
  busyUntil(work: Promise<unknown>): void;
}

/** Stands for a call in all its evaluations. */
export interface OngoingCall {
  readonly waiting?: Waiting;
}

/** One evaluation of a call. */
export interface WorkContext {
  readonly call: OngoingCall;
  /** Whether slow work may begin: never under the epoch's lock, where the whole deployment would wait for it. */
  readonly allowsWork: boolean;
}

/**
 * A call needs work that may not begin where it is evaluated: it is to be evaluated elsewhere first. It is the answer only if
 * that was of no use often enough.
 */
export class WorkNeededError extends ApiError {
  constructor() {
    super(
      "ServiceUnavailableTemporary",
      "What the request is about changed again and again while it was served. Send the request again.",
    );
  }
}

interface Outcome<T> {
  readonly name: string;
  value: T | Promise<T>;
  isSettled: boolean;
}

/**
 * Work of calls that may be slow, done once for each: a call is evaluated anew whenever the store has changed, perhaps under
 * the epoch's lock, and what takes long is done by then, or done before the lock is taken again. What came of it goes with the
 * call.
 */
export class OncePerCall<T> {
  readonly #outcomes = new WeakMap<OngoingCall, Outcome<T>>();

  /**
   * Does the work, or gives what came of it in an earlier evaluation of the call; at once, if it is there.
   *
   * @param name - what the work is. In an evaluation that asks for another one, that is done.
   * @throws {@link WorkNeededError} if it is not done yet, and may not begin here. To be thrown on.
   */
  run({ call, allowsWork }: WorkContext, name: string, work: () => T | Promise<T>): T | Promise<T> {
    const known = this.#outcomes.get(call);
    const isKnown = known?.name === name;
    if (isKnown && (allowsWork || known.isSettled)) return known.value;
    if (!allowsWork) throw new WorkNeededError();
    const value = work();
    // What was done at once is kept too: nobody can tell beforehand that it will be.
    const outcome: Outcome<T> = { name, value, isSettled: !(value instanceof Promise) };
    this.#outcomes.set(call, outcome);
    if (!(value instanceof Promise)) return value;
    call.waiting?.busyUntil(value);
    // A failure stays a promise: it is thrown again.
    value.then(
      (settled) => {
        outcome.value = settled;
        outcome.isSettled = true;
      },
      () => void (outcome.isSettled = true),
    );
    return value;
  }
}
