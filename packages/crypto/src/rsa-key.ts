import { checkPrimeSync } from "node:crypto";

import { toBigInt, toBytes } from "./big-integer.ts";
import { DER_TAG, DerReader } from "./der.ts";
import { KeyFormatError } from "./errors.ts";
import { SecretBytes } from "./secret-bytes.ts";

/** rsaEncryption (RFC 8017, appendix A.1). */
const RSA_ENCRYPTION = Buffer.from("2a864886f70d010101", "hex");

/** Of every key that is made, and of nearly every other. */
export const RSA_PUBLIC_EXPONENT = 65_537;
/** Above 2^16 (FIPS 186-5, section 5.1), and so small that verifying stays cheap. */
const EXPONENT_BOUNDS = { above: 1n << 16n, below: 1n << 32n } as const;

/** @throws KeyFormatError if this is not the AlgorithmIdentifier of RSA keys. */
export function assertRsaAlgorithm(algorithm: DerReader): void {
  if (Buffer.compare(algorithm.objectIdentifier(), RSA_ENCRYPTION) !== 0) {
    throw new KeyFormatError("The key is not an RSA key.");
  }
  if (algorithm.read(DER_TAG.null).length !== 0) throw new KeyFormatError("The algorithm of the key is malformed.");
  algorithm.end();
}

/** @throws KeyFormatError unless this is an RSAPublicKey (RFC 8017, appendix A.1.1) with such a modulus. */
export function assertRsaPublicKey(der: Uint8Array, modulusBits: number): void {
  const reader = DerReader.sequence(der);
  assertModulus(toBigInt(reader.unsignedInteger()), modulusBits);
  assertExponent(toBigInt(reader.unsignedInteger()));
  reader.end();
}

/**
 * Checks every number of an RSAPrivateKey (RFC 8017, appendix A.1.2) against the others, the two primes included: with
 * one that is wrong, signatures may give the key away (Boneh, DeMillo, Lipton, "On the importance of checking
 * cryptographic protocols for faults", 1997). Not constant-time: it is done once for a key, when it is imported.
 *
 * @throws KeyFormatError if anything is wrong, or the modulus has not exactly `modulusBits`.
 */
export function assertRsaPrivateKey(der: Uint8Array, modulusBits: number): void {
  const reader = DerReader.sequence(der);
  if (reader.unsignedInteger().length !== 0) throw new KeyFormatError("The RSA key has more than two primes.");
  const next = () => toBigInt(reader.unsignedInteger());
  const [n, e, d, p, q] = [next(), next(), next(), next(), next()];
  const [dP, dQ, qInverse] = [next(), next(), next()];
  reader.end();

  assertModulus(n, modulusBits);
  assertExponent(e);
  const primeBits = modulusBits / 2;
  const isConsistent =
    bitsOf(p) === primeBits &&
    bitsOf(q) === primeBits &&
    p !== q &&
    p * q === n &&
    d < n &&
    bitsOf(d) > primeBits &&
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    dP === d % (p - 1n) &&
    dQ === d % (q - 1n) &&
    qInverse < p &&
    (qInverse * q) % p === 1n;
  if (!isConsistent || !isPrime(p, primeBits) || !isPrime(q, primeBits)) {
    throw new KeyFormatError("The numbers of the RSA key do not belong together.");
  }
}

function assertModulus(modulus: bigint, bits: number): void {
  const found = bitsOf(modulus);
  if (found !== bits) throw new KeyFormatError(`The RSA key has ${found} bits, not ${bits}.`);
  if (modulus % 2n === 0n) throw new KeyFormatError("The modulus of the RSA key is even.");
}

function assertExponent(exponent: bigint): void {
  const { above, below } = EXPONENT_BOUNDS;
  if (exponent <= above || exponent >= below || exponent % 2n === 0n) {
    throw new KeyFormatError("The public exponent of an RSA key is odd, above 2^16 and below 2^32; 65537 as a rule.");
  }
}

function isPrime(number: bigint, bits: number): boolean {
  using bytes = new SecretBytes(toBytes(number, bits / 8));
  return checkPrimeSync(bytes.bytes);
}

function bitsOf(number: bigint): number {
  let bits = 0;
  let rest = number;
  for (; rest >> 32n > 0n; rest >>= 32n) bits += 32;
  return bits + 32 - Math.clz32(Number(rest));
}
