import { createHmac, type KeyObject } from "node:crypto";

import { inTurns, TURN_BYTES } from "./in-turns.ts";

/**
 * HMAC (RFC 2104, GM/T 0042) by its hash function: OpenSSL's name, and the length of the hash and so of the tag. With SHA_1 it
 * is for what published formats have of it: no key is of it.
 */
export const MAC_HASHES = {
  SHA_1: { digest: "sha1", tagBytes: 20 },
  SHA_224: { digest: "sha224", tagBytes: 28 },
  SHA_256: { digest: "sha256", tagBytes: 32 },
  SHA_384: { digest: "sha384", tagBytes: 48 },
  SHA_512: { digest: "sha512", tagBytes: 64 },
  SM3: { digest: "sm3", tagBytes: 32 },
} as const;

export type MacHash = keyof typeof MAC_HASHES;

interface MacInput {
  readonly hash: MacHash;
  readonly key: KeyObject;
  readonly message: Uint8Array;
}

/** The HMAC of `message`, never truncated: {@link MAC_HASHES} has its length. `key` is a secret key of any length. */
export function computeMac({ hash, key, message }: MacInput): Buffer {
  return createHmac(MAC_HASHES[hash].digest, key).update(message).digest();
}

/**
 * As {@link computeMac}, of a message of any length: a long one in turns of the event loop. It must not change meanwhile.
 *
 * @param input.whose - as of {@link inTurns}.
 */
export function computeMacInTurns(input: MacInput & { readonly whose: string }): Buffer | Promise<Buffer> {
  return input.message.length > TURN_BYTES ? computeLongMac(input) : computeMac(input);
}

async function computeLongMac({ whose, hash, key, message }: MacInput & { readonly whose: string }): Promise<Buffer> {
  const hmac = createHmac(MAC_HASHES[hash].digest, key);
  await inTurns(whose, message, (slice) => hmac.update(slice));
  return hmac.digest();
}
