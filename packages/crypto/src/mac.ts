import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";

/** HMAC (RFC 2104, GM/T 0042) by its hash function: OpenSSL's name, and the length of the hash and so of the tag. */
export const MAC_HASHES = {
  SHA_224: { digest: "sha224", tagBytes: 28 },
  SHA_256: { digest: "sha256", tagBytes: 32 },
  SHA_384: { digest: "sha384", tagBytes: 48 },
  SHA_512: { digest: "sha512", tagBytes: 64 },
  SM3: { digest: "sm3", tagBytes: 32 },
} as const;

export type MacHash = keyof typeof MAC_HASHES;

/** The HMAC of `message`, never truncated: {@link MAC_HASHES} has its length. `key` is a secret key of any length. */
export function computeMac(input: {
  readonly hash: MacHash;
  readonly key: KeyObject;
  readonly message: Uint8Array;
}): Buffer {
  return createHmac(MAC_HASHES[input.hash].digest, input.key).update(input.message).digest();
}

/** Whether `tag` is the whole HMAC of `message`, compared in constant time; a truncated one is not. */
export function verifyMac(input: {
  readonly hash: MacHash;
  readonly key: KeyObject;
  readonly message: Uint8Array;
  readonly tag: Uint8Array;
}): boolean {
  const expected = computeMac(input);
  return input.tag.length === expected.length && timingSafeEqual(expected, input.tag);
}
