import { createHash } from "node:crypto";

import { TurnLine } from "./turn-line.ts";

/** So many bytes are worked through at once: the slowest hash function here, SM3, takes a millisecond at most for them. */
export const TURN_BYTES = 128 * 1024;

const line = new TurnLine();

/**
 * A turn of the event loop, in the line in which long work is done, which is that of callers who are proven: see
 * {@link TurnLine.turn}.
 */
export function ownTurn(whose: string, isGivenUp?: () => boolean): Promise<void> {
  return line.turn(whose, isGivenUp);
}

/**
 * Gives bytes to `take` in slices of {@link TURN_BYTES}, each in a turn of its own, so that others are served meanwhile; what
 * is no longer than a slice at once. The bytes must not change meanwhile.
 *
 * @param whose - whose work it is: they take turns.
 */
export function inTurns(
  whose: string,
  bytes: Uint8Array,
  take: (slice: Uint8Array) => unknown,
): undefined | Promise<undefined> {
  if (bytes.length > TURN_BYTES) return takeInTurns(whose, bytes, take);
  take(bytes);
  return undefined;
}

/** The digest of a message, made {@link inTurns}. @param input.hash - OpenSSL's name of the hash function. */
export async function hashInTurns(input: {
  readonly whose: string;
  readonly hash: string;
  readonly message: Uint8Array;
}): Promise<Buffer> {
  const hash = createHash(input.hash);
  await inTurns(input.whose, input.message, (slice) => hash.update(slice));
  return hash.digest();
}

async function takeInTurns(whose: string, bytes: Uint8Array, take: (slice: Uint8Array) => unknown): Promise<undefined> {
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    await ownTurn(whose);
    take(bytes.subarray(at, at + TURN_BYTES));
  }
}
