import { randomBytes } from "node:crypto";

import { invert } from "@noble/curves/abstract/modular.js";

// Node turns bytes into a bigint through text, and key material has no business in strings.

const WORD_BYTES = 8;
const WORD_BITS = 64n;
const WORD_MASK = (1n << WORD_BITS) - 1n;

/** The big-endian number that `bytes` are; 0 for none. */
export function toBigInt(bytes: Uint8Array): bigint {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = bytes.length % WORD_BYTES;
  let number = head === 0 ? 0n : BigInt(view.readUIntBE(0, Math.min(head, 6)));
  if (head === WORD_BYTES - 1) number = (number << 8n) | BigInt(view.readUInt8(6));
  for (let offset = head; offset < bytes.length; offset += WORD_BYTES) {
    number = (number << WORD_BITS) | view.readBigUInt64BE(offset);
  }
  return number;
}

/**
 * The number in so many bytes, big-endian.
 *
 * @throws RangeError if it is negative or needs more.
 */
export function toBytes(number: bigint, length: number): Buffer {
  if (number < 0n || number >> BigInt(length * 8) !== 0n) throw new RangeError(`no number of ${length} bytes`);
  const words = Math.ceil(length / WORD_BYTES);
  const padded = Buffer.alloc(words * WORD_BYTES);
  let rest = number;
  for (let word = words - 1; word >= 0; word--, rest >>= WORD_BITS) {
    padded.writeBigUInt64BE(rest & WORD_MASK, word * WORD_BYTES);
  }
  return padded.subarray(padded.length - length);
}

/** The representative in [0, modulus). */
export function reduce(number: bigint, modulus: bigint): bigint {
  const rest = number % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/**
 * A random number in [1, modulus), uniform but for less than one part in 2^64.
 */
export function randomScalar(modulus: bigint): bigint {
  const length = Math.ceil(modulus.toString(16).length / 2) + WORD_BYTES;
  return reduce(toBigInt(randomBytes(length)), modulus - 1n) + 1n;
}

/** The inverse modulo a prime, of numbers that are not secret. */
export function inverse(number: bigint, modulus: bigint): bigint {
  return invert(number, modulus);
}
