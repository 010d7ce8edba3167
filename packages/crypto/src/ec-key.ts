import {
  contextTag,
  DER_TAG,
  derBitString,
  type DerElement,
  derElement,
  derInteger,
  DerReader,
  encodeDer,
} from "./der.ts";
import { KeyFormatError } from "./errors.ts";

/** What DER says of a curve whose keys have the algorithm id-ecPublicKey (RFC 5480, section 2.1.1). */
export interface CurveEncoding {
  /** Contents of the curve's OBJECT IDENTIFIER. */
  readonly oid: Uint8Array;
  /** Of a coordinate, and of a private scalar. */
  readonly bytes: number;
}

/** The parts of an ECPrivateKey (RFC 5915, section 3), as views of the input. */
export interface EcPrivateKey {
  /** The private scalar, big-endian, of the curve's length. */
  readonly scalar: Uint8Array;
  /** The public point as 04 ‖ x ‖ y, where the key names it. */
  readonly point: Uint8Array | undefined;
}

/** id-ecPublicKey (RFC 5480, section 2.1.1). */
const EC_PUBLIC_KEY = Buffer.from("2a8648ce3d0201", "hex");
const UNCOMPRESSED = 0x04;
const VERSION_1 = Buffer.of(1);
const PARAMETERS = contextTag(0, "constructed");
const PUBLIC_KEY = contextTag(1, "constructed");

/** AlgorithmIdentifier of keys on a curve. */
export function ecAlgorithm({ oid }: CurveEncoding): DerElement {
  return derElement(
    DER_TAG.sequence,
    derElement(DER_TAG.objectIdentifier, EC_PUBLIC_KEY),
    derElement(DER_TAG.objectIdentifier, oid),
  );
}

/** @throws KeyFormatError if this is not the AlgorithmIdentifier of keys on this very curve. */
export function assertEcAlgorithm(algorithm: DerReader, curve: CurveEncoding): void {
  if (!isSame(algorithm.objectIdentifier(), EC_PUBLIC_KEY)) {
    throw new KeyFormatError("The key is not one of an elliptic curve.");
  }
  if (!algorithm.isNext(DER_TAG.objectIdentifier)) {
    throw new KeyFormatError("The key does not name its curve. Explicit parameters are not taken.");
  }
  if (!isSame(algorithm.objectIdentifier(), curve.oid)) throw new KeyFormatError("The key is on another curve.");
  algorithm.end();
}

/**
 * Reads an ECPrivateKey, with nothing behind it. Whether scalar and point belong together is not looked at.
 *
 * @throws KeyFormatError
 */
export function readEcPrivateKey(der: Uint8Array, curve: CurveEncoding): EcPrivateKey {
  const reader = DerReader.sequence(der);
  if (!isSame(reader.unsignedInteger(), VERSION_1)) throw new KeyFormatError("The EC key is of an unknown version.");
  const scalar = reader.read(DER_TAG.octetString);
  if (scalar.length !== curve.bytes) {
    throw new KeyFormatError(`The private key has ${scalar.length} bytes, not ${curve.bytes}.`);
  }
  if (reader.isNext(PARAMETERS)) {
    const oid = DerReader.only(reader.read(PARAMETERS), (inner) => inner.objectIdentifier());
    if (!isSame(oid, curve.oid)) throw new KeyFormatError("The key is on another curve.");
  }
  const point = reader.isNext(PUBLIC_KEY)
    ? DerReader.only(reader.read(PUBLIC_KEY), (inner) => checkedPoint(inner.bitString(), curve))
    : undefined;
  reader.end();
  return { scalar, point };
}

/** ECPrivateKey with the point and without parameters, as PKCS #8 has it. */
export function ecPrivateKey(key: { readonly scalar: Uint8Array; readonly point: Uint8Array }): DerElement {
  return derElement(
    DER_TAG.sequence,
    derInteger(VERSION_1),
    derElement(DER_TAG.octetString, key.scalar),
    derElement(PUBLIC_KEY, derBitString(key.point)),
  );
}

/**
 * Reads a SubjectPublicKeyInfo, with nothing behind it, and gives its point as 04 ‖ x ‖ y: a view of the input. Whether
 * that is a point of the curve is not looked at.
 *
 * @throws KeyFormatError
 */
export function readEcSpki(der: Uint8Array, curve: CurveEncoding): Uint8Array {
  const reader = DerReader.sequence(der);
  assertEcAlgorithm(reader.sequence(), curve);
  const point = checkedPoint(reader.bitString(), curve);
  reader.end();
  return point;
}

/** SubjectPublicKeyInfo of a point, which is 04 ‖ x ‖ y. */
export function encodeEcSpki(point: Uint8Array, curve: CurveEncoding): Buffer {
  return encodeDer(derElement(DER_TAG.sequence, ecAlgorithm(curve), derBitString(point)));
}

function checkedPoint(point: Uint8Array, curve: CurveEncoding): Uint8Array {
  if (point.length !== 1 + 2 * curve.bytes || point[0] !== UNCOMPRESSED) {
    throw new KeyFormatError("The public key is not an uncompressed point of this curve.");
  }
  return point;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
