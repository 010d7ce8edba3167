import { createECDH } from "node:crypto";

import { toBigInt } from "./big-integer.ts";
import type { CurveEncoding } from "./ec-key.ts";
import { SecretBytes } from "./secret-bytes.ts";

/** A random scalar k, and what a signature needs of k times the base point. */
export interface EphemeralKey {
  readonly scalar: bigint;
  readonly x: bigint;
}

/**
 * Draws the random scalar of one signature and multiplies the base point with it. OpenSSL does both, in constant time:
 * within microseconds on P-256, within a millisecond on the others.
 */
export function ephemeralKey({ openssl, bytes }: CurveEncoding & { readonly openssl: string }): EphemeralKey {
  const ecdh = createECDH(openssl);
  const point = ecdh.generateKeys();
  using scalar = new SecretBytes(ecdh.getPrivateKey());
  return { scalar: toBigInt(scalar.bytes), x: toBigInt(point.subarray(1, 1 + bytes)) };
}
