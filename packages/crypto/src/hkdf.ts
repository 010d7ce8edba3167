import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

import { SecretBytes } from "./secret-bytes.ts";

interface Derivation {
  readonly key: KeyObject;
  /** HKDF's `info`: what the result is for. Text stands for its UTF-8 bytes. */
  readonly label: string | Uint8Array;
  /** Not secret. None by default, which is right for a key that is already uniformly random. */
  readonly salt?: Uint8Array;
  /** Length of the result, 32 by default, at most 8160. */
  readonly bytes?: number;
}

/**
 * Derives bytes with HKDF-SHA256 (RFC 5869). Different labels give independent results. The caller clears the result.
 *
 * @throws RangeError if `bytes` is not an integer from 1 to 8160, or the label is longer than 1024 bytes.
 */
export function deriveBytes({ key, label, salt = Buffer.alloc(0), bytes = 32 }: Derivation): Buffer {
  if (bytes === 0) throw new RangeError("a derived key has at least one byte");
  return Buffer.from(hkdfSync("sha256", key, salt, label, bytes));
}

/** As {@link deriveBytes}, but gives a secret KeyObject and leaves no bytes behind. */
export function deriveKey(derivation: Derivation): KeyObject {
  using derived = new SecretBytes(deriveBytes(derivation));
  return createSecretKey(derived.bytes);
}
