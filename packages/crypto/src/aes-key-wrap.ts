import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

import { AuthenticationError } from "./errors.ts";

const SEMIBLOCK_BYTES = 8;
/** RFC 3394, section 2.2.3.1. */
const KW_IV = Buffer.alloc(SEMIBLOCK_BYTES, 0xa6);
/** RFC 5649, section 3; the length of what is wrapped follows it, which OpenSSL adds. */
const KWP_IV = Buffer.from("a65959a6", "hex");
const KW_MIN_BYTES = 2 * SEMIBLOCK_BYTES;
/** More than any key has. The algorithms themselves stop far above. */
const MAX_BYTES = 1 << 20;

/** Wrapping by AES: `KW` takes whole semiblocks, at least two (RFC 3394); `KWP` any length from one byte on (RFC 5649). */
export type AesKeyWrap = "KW" | "KWP";

/**
 * Wraps key material with AES-KW or AES-KWP (NIST SP 800-38F, sections 6.2 and 6.3), which need no nonce. `material` stays
 * the caller's to clear.
 *
 * @param input.wrappingKey - a secret key of 16, 24 or 32 bytes.
 * @throws RangeError if the key or the material has no length that this takes; at most 1 MiB.
 */
export function wrapAesKey(input: {
  readonly algorithm: AesKeyWrap;
  readonly wrappingKey: KeyObject;
  readonly material: Uint8Array;
}): Buffer {
  const { algorithm, wrappingKey, material } = input;
  const { length } = material;
  if (length < 1 || length > MAX_BYTES || (algorithm === "KW" && !isKwLength(length))) {
    throw new RangeError(
      algorithm === "KW" ? "AES-KW wraps whole 8 bytes, 16 at least" : "AES-KWP wraps 1 byte at least",
    );
  }
  const cipher = createCipheriv(cipherOf(algorithm, wrappingKey), wrappingKey, ivOf(algorithm));
  return Buffer.concat([cipher.update(material), cipher.final()]);
}

/**
 * Unwraps what {@link wrapAesKey} wrapped. The caller clears the result.
 *
 * Lengths are checked here first: OpenSSL takes an empty input for an empty key that was unwrapped.
 *
 * @throws AuthenticationError if it was wrapped under another key or by the other algorithm, or altered.
 * @throws RangeError if the key is not a secret key of 16, 24 or 32 bytes.
 */
export function unwrapAesKey(input: {
  readonly algorithm: AesKeyWrap;
  readonly wrappingKey: KeyObject;
  readonly wrapped: Uint8Array;
}): Buffer {
  const { algorithm, wrappingKey, wrapped } = input;
  const cipher = cipherOf(algorithm, wrappingKey);
  const least = algorithm === "KW" ? KW_MIN_BYTES + SEMIBLOCK_BYTES : 2 * SEMIBLOCK_BYTES;
  const { length } = wrapped;
  if (length < least || length > MAX_BYTES + 2 * SEMIBLOCK_BYTES || length % SEMIBLOCK_BYTES !== 0) {
    throw new AuthenticationError();
  }
  const decipher = createDecipheriv(cipher, wrappingKey, ivOf(algorithm));
  let material: Buffer;
  try {
    material = decipher.update(wrapped);
    decipher.final();
  } catch {
    throw new AuthenticationError();
  }
  // Never shorter than by the padding that the algorithm has, whatever the library says.
  const shortest = algorithm === "KW" ? length - SEMIBLOCK_BYTES : length - 2 * SEMIBLOCK_BYTES + 1;
  if (material.length >= shortest && material.length <= length - SEMIBLOCK_BYTES) return material;
  material.fill(0);
  throw new AuthenticationError();
}

function isKwLength(length: number): boolean {
  return length >= KW_MIN_BYTES && length % SEMIBLOCK_BYTES === 0;
}

function ivOf(algorithm: AesKeyWrap): Buffer {
  return algorithm === "KW" ? KW_IV : KWP_IV;
}

function cipherOf(algorithm: AesKeyWrap, { symmetricKeySize }: KeyObject): string {
  if (symmetricKeySize !== 16 && symmetricKeySize !== 24 && symmetricKeySize !== 32) {
    throw new RangeError("an AES key is a secret key of 16, 24 or 32 bytes");
  }
  return `id-aes${symmetricKeySize * 8}-wrap${algorithm === "KW" ? "" : "-pad"}`;
}
