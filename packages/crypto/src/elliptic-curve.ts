import { createECDH, createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

import { p256, p384, p521 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";

import { inverse, randomScalar, reduce, toBigInt, toBytes } from "./big-integer.ts";
import { DER_TAG, derElement, derInteger, DerReader, encodeDer } from "./der.ts";
import { encodeEcSpki, readEcPrivateKey, readEcSpki } from "./ec-key.ts";
import { ephemeralKey } from "./ephemeral-key.ts";
import { KeyFormatError } from "./errors.ts";

/** Curves of ECDSA, each with its one hash function. */
export const EC_CURVES = {
  EC_P256: curve({ openssl: "prime256v1", oid: "2a8648ce3d030107", bytes: 32, hash: "sha256", digestBytes: 32 }),
  EC_P256K: curve({ openssl: "secp256k1", oid: "2b8104000a", bytes: 32, hash: "sha256", digestBytes: 32 }),
  EC_P384: curve({ openssl: "secp384r1", oid: "2b81040022", bytes: 48, hash: "sha384", digestBytes: 48 }),
  EC_P521: curve({ openssl: "secp521r1", oid: "2b81040023", bytes: 66, hash: "sha512", digestBytes: 64 }),
} as const;

export type EcCurve = keyof typeof EC_CURVES;

const POINTS = { EC_P256: p256.Point, EC_P256K: secp256k1.Point, EC_P384: p384.Point, EC_P521: p521.Point } as const;

function curve({ oid, ...rest }: { openssl: string; oid: string; bytes: number; hash: string; digestBytes: number }) {
  return { ...rest, oid: Buffer.from(oid, "hex") };
}

/** What is verified in place of a message that nobody knows. */
const FIXED_MESSAGES = [Buffer.of(), Buffer.of(0)];

/**
 * Signs a message with ECDSA (FIPS 186-5, section 6.4.1) and the curve's hash function: as {@link signEcdsa} its digest,
 * but all of it is OpenSSL's, and on P-256 four times as fast.
 *
 * @param input.privateKey - of type `ec`.
 * @throws KeyFormatError if the key is on another curve.
 */
export function signEcdsaMessage(input: {
  readonly curve: EcCurve;
  readonly privateKey: KeyObject;
  readonly message: Uint8Array;
}): Buffer {
  const { curve, privateKey, message } = input;
  if (privateKey.asymmetricKeyDetails?.namedCurve !== EC_CURVES[curve].openssl) {
    throw new KeyFormatError("The key is on another curve.");
  }
  const signature = sign(EC_CURVES[curve].hash, message, privateKey);
  if (curve !== "EC_P256K") return signature;
  const { r, s } = readSignature(signature);
  return encodeSignature(curve, r, lowerS(curve, s));
}

/**
 * Signs a digest with ECDSA (FIPS 186-5, section 6.4.1): SHA-256 on P-256 and secp256k1, SHA-384 on P-384, SHA-512 on
 * P-521. The signature is DER (RFC 3279, section 2.2.3); on secp256k1 its s is the lower one (BIP 62), which everybody
 * accepts.
 *
 * Node hashes whatever it signs, so only the scalar multiplication is OpenSSL's, in constant time. The arithmetic modulo the group's order is that of bigints, which are not constant-time: there the
 * nonce and the key occur only multiplied by a random number that is used once.
 *
 * @param input.privateKey - of type `ec`.
 * @throws RangeError if the digest has another length.
 * @throws KeyFormatError if the key is on another curve.
 */
export function signEcdsa(input: {
  readonly curve: EcCurve;
  readonly privateKey: KeyObject;
  readonly digest: Uint8Array;
}): Buffer {
  const { curve, privateKey, digest } = input;
  const n = POINTS[curve].Fn.ORDER;
  const z = checkedDigest(curve, digest);
  for (;;) {
    const { scalar: k, x } = ephemeralKey(EC_CURVES[curve]);
    const blind = randomScalar(n);
    const r = reduce(x, n);
    const blindedSum = reduce(blind * z + r * reduce(blind * scalarOf(curve, privateKey), n), n);
    const s = reduce(inverse(reduce(blind * k, n), n) * blindedSum, n);
    // One signature in 2^256 has a zero, and is none.
    if (r !== 0n && s !== 0n) return encodeSignature(curve, r, curve === "EC_P256K" ? lowerS(curve, s) : s);
  }
}

/**
 * Whether `signature` is an ECDSA signature of a digest, in DER and nothing but DER (FIPS 186-5, section 6.4.2). On
 * secp256k1 the higher s is as good as the lower.
 *
 * Node hashes whatever it verifies. But (r, s) is a signature of the digest z under the point Q if and only if it is one
 * of the digest h under Q + (z - h)/r G: both put the same point in the equation. So a fixed message is verified, under
 * a key moved by what its digest h differs from z. All of this is public.
 *
 * @param input.publicKey - of type `ec`.
 * @throws RangeError if the digest has another length.
 * @throws KeyFormatError if the key is on another curve.
 */
export function verifyEcdsa(input: {
  readonly curve: EcCurve;
  readonly publicKey: KeyObject;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}): boolean {
  const { curve, publicKey, digest, signature } = input;
  const Point = POINTS[curve];
  const n = Point.Fn.ORDER;
  const z = checkedDigest(curve, digest);
  const r = readR(signature);
  if (r === undefined || r === 0n || r >= n) return false;

  const spki = publicKey.export({ type: "spki", format: "der" });
  const q = Point.fromBytes(readEcSpki(spki, EC_CURVES[curve]));
  // Of two messages at most one moves the key to the point at infinity, which is no key.
  for (const message of FIXED_MESSAGES) {
    const h = toBigInt(createHash(EC_CURVES[curve].hash).update(message).digest());
    const t = reduce((z - h) * inverse(r, n), n);
    const moved = t === 0n ? q : q.add(Point.fromBytes(multipleOfBasePoint(curve, t)));
    if (moved.is0()) continue;
    const key = createPublicKey({
      key: encodeEcSpki(moved.toBytes(false), EC_CURVES[curve]),
      format: "der",
      type: "spki",
    });
    return verify(EC_CURVES[curve].hash, message, key, signature);
  }
  throw new Error("two different points cannot both be the point at infinity");
}

/** OpenSSL multiplies faster than bigints do: on P-256 twenty times. */
function multipleOfBasePoint(curve: EcCurve, scalar: bigint): Buffer {
  const ecdh = createECDH(EC_CURVES[curve].openssl);
  ecdh.setPrivateKey(toBytes(scalar, EC_CURVES[curve].bytes));
  return ecdh.getPublicKey();
}

function checkedDigest(curve: EcCurve, digest: Uint8Array): bigint {
  const { digestBytes } = EC_CURVES[curve];
  if (digest.length !== digestBytes) throw new RangeError(`a digest for this curve is ${digestBytes} bytes`);
  return toBigInt(digest);
}

function scalarOf(curve: EcCurve, privateKey: KeyObject): bigint {
  const der = privateKey.export({ type: "sec1", format: "der" });
  const scalar = toBigInt(readEcPrivateKey(der, EC_CURVES[curve]).scalar);
  der.fill(0);
  return scalar;
}

function encodeSignature(curve: EcCurve, ...numbers: readonly bigint[]): Buffer {
  const integers = numbers.map((number) => derInteger(toBytes(number, EC_CURVES[curve].bytes)));
  return encodeDer(derElement(DER_TAG.sequence, ...integers));
}

/** The one of s and n - s that is not above n / 2. */
function lowerS(curve: EcCurve, s: bigint): bigint {
  const n = POINTS[curve].Fn.ORDER;
  return s > n >> 1n ? n - s : s;
}

function readSignature(signature: Uint8Array): { readonly r: bigint; readonly s: bigint } {
  const reader = new DerReader(signature).sequence();
  return { r: toBigInt(reader.unsignedInteger()), s: toBigInt(reader.unsignedInteger()) };
}

function readR(signature: Uint8Array): bigint | undefined {
  try {
    return toBigInt(new DerReader(signature).sequence().unsignedInteger());
  } catch (error) {
    if (error instanceof KeyFormatError) return undefined;
    throw error;
  }
}
