import { contextTag, DER_TAG, derElement, derInteger, DerReader, encodeDer } from "./der.ts";
import {
  assertEcAlgorithm,
  type CurveEncoding,
  ecAlgorithm,
  type EcPrivateKey,
  ecPrivateKey,
  readEcPrivateKey,
} from "./ec-key.ts";
import { KeyFormatError } from "./errors.ts";

/** Of OneAsymmetricKey; PrivateKeyInfo has 0 (RFC 5958, section 2). */
const MAX_VERSION = 1;
const ATTRIBUTES = contextTag(0, "constructed");
const PUBLIC_KEY = contextTag(1, "primitive");

/** A PKCS #8 key taken apart; its parts are views of the input. */
export interface Pkcs8 {
  /** What the AlgorithmIdentifier has in it. */
  readonly algorithm: DerReader;
  readonly privateKey: Uint8Array;
  /** What OneAsymmetricKey says the public key is. */
  readonly publicKey: Uint8Array | undefined;
}

/**
 * Reads a DER PrivateKeyInfo or OneAsymmetricKey (RFC 5958, section 2), with nothing behind it. Attributes are ignored.
 *
 * @throws KeyFormatError if it is not one, or is encrypted with a password.
 */
export function readPkcs8(der: Uint8Array): Pkcs8 {
  const reader = DerReader.sequence(der);
  if (reader.isNext(DER_TAG.sequence)) {
    throw new KeyFormatError("The key is not a PKCS #8 PrivateKeyInfo, or is encrypted with a password.");
  }
  const version = reader.unsignedInteger();
  if (version.length > 1 || (version[0] ?? 0) > MAX_VERSION) {
    throw new KeyFormatError("The key is of an unknown version of PKCS #8.");
  }
  const algorithm = reader.sequence();
  const privateKey = reader.read(DER_TAG.octetString);
  if (reader.isNext(ATTRIBUTES)) reader.read(ATTRIBUTES);
  const publicKey = reader.isNext(PUBLIC_KEY) ? reader.bitString(PUBLIC_KEY) : undefined;
  reader.end();
  return { algorithm, privateKey, publicKey };
}

/**
 * Reads the PKCS #8 of a key on this curve. Whether scalar and point belong together is not looked at.
 *
 * @throws KeyFormatError
 */
export function readEcPkcs8(der: Uint8Array, curve: CurveEncoding): EcPrivateKey {
  const { algorithm, privateKey, publicKey } = readPkcs8(der);
  assertEcAlgorithm(algorithm, curve);
  const { scalar, point } = readEcPrivateKey(privateKey, curve);
  if (point !== undefined && publicKey !== undefined && Buffer.compare(point, publicKey) !== 0) {
    throw new KeyFormatError("The key names its public key twice, and differently.");
  }
  return { scalar, point: point ?? publicKey };
}

/** PKCS #8 of a key on a curve, as OpenSSL writes it. The caller clears the result. */
export function encodeEcPkcs8(
  key: { readonly scalar: Uint8Array; readonly point: Uint8Array },
  curve: CurveEncoding,
): Buffer {
  const inner = derElement(DER_TAG.octetString, ecPrivateKey(key));
  return encodeDer(derElement(DER_TAG.sequence, derInteger(Buffer.of(0)), ecAlgorithm(curve), inner));
}
