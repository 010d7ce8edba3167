import { ServiceError } from "@cinnabar/client";

/** The code that a call is refused with, `undefined` if it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
}

/** Of an answer that says nothing of whether it was done. */
export const UNAVAILABLE = "ServiceUnavailableTemporary";

/**
 * Calls until it is known to be done.
 *
 * @param isDone - whether a refusal, after an answer that left it open, means that it was done by then.
 * @throws ServiceError for every other refusal.
 */
export async function untilDone<T>(call: () => Promise<T>, isDone: (code: string) => boolean): Promise<T | undefined> {
  for (let isOpen = false; ;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (isOpen && isDone(error.code)) return undefined;
      if (error.code !== UNAVAILABLE) throw error;
      isOpen = true;
    }
  }
}

/** Calls until there is an answer: what it does may then have been done more than once. */
export async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== UNAVAILABLE) throw error;
    }
  }
}
