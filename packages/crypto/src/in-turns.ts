import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

/** So many bytes are worked through at once: the slowest hash function here, SM3, takes a millisecond at most for them. */
export const TURN_BYTES = 128 * 1024;

let last: Promise<void> = Promise.resolve();

/** A turn of the event loop. Whoever waits for one gets another than all others who wait, in the order of their coming. */
export function ownTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}

/**
 * Gives bytes to `take` in slices of {@link TURN_BYTES}, each in a turn of its own, so that others are served meanwhile; what
 * is no longer than a slice at once. The bytes must not change meanwhile.
 */
export function inTurns(bytes: Uint8Array, take: (slice: Uint8Array) => unknown): undefined | Promise<undefined> {
  if (bytes.length > TURN_BYTES) return takeInTurns(bytes, take);
  take(bytes);
  return undefined;
}

/** The digest of a message, by OpenSSL's name of the hash function; made {@link inTurns}. */
export async function hashInTurns(algorithm: string, message: Uint8Array): Promise<Buffer> {
  const hash = createHash(algorithm);
  await inTurns(message, (slice) => hash.update(slice));
  return hash.digest();
}

async function takeInTurns(bytes: Uint8Array, take: (slice: Uint8Array) => unknown): Promise<undefined> {
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    await ownTurn();
    take(bytes.subarray(at, at + TURN_BYTES));
  }
}
