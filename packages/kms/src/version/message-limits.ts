import { ApiError, ERRORS } from "@cinnabar/kernel";

/** As many messages may be encrypted under one key with random nonces of 96 bits (NIST SP 800-38D, section 8.3). */
export const MAX_MESSAGES = 2 ** 32;

/** From here on, a version that encrypts and can be replaced is. */
export const ROTATED_FROM_MESSAGES = 2 ** 31;

const ADVICE =
  "The key version has encrypted as many messages as it may, 2^32. CreateKeyVersion gives the key another one to encrypt with, in the instance protocol by its Advance operations alone; what this one has encrypted it still decrypts.";

export const EXHAUSTED_MESSAGE = `${ERRORS["Rejected.LimitExceeded"].message} ${ADVICE}`;

/**
 * How many messages a process reserves that wants so many.
 *
 * @param reserved - messages of the version that all processes have reserved so far.
 * @throws {@link ApiError} `Rejected.LimitExceeded` if none is left.
 */
export function blockOf(wanted: number, reserved: number): number {
  const block = Math.min(wanted, MAX_MESSAGES - reserved);
  if (block <= 0) throw new ApiError("Rejected.LimitExceeded", EXHAUSTED_MESSAGE);
  return block;
}
