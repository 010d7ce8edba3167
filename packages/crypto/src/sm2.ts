import { createECDH, createHash, timingSafeEqual } from "node:crypto";

import { inverse, randomScalar, reduce, toBigInt, toBytes } from "./big-integer.ts";
import { DER_TAG, type DerElement, derElement, derInteger, DerReader, encodeDer } from "./der.ts";
import { encodeEcSpki, readEcSpki } from "./ec-key.ts";
import { ephemeralKey } from "./ephemeral-key.ts";
import { DecryptionError, KeyFormatError } from "./errors.ts";
import { inTurns } from "./in-turns.ts";
import { encodeEcPkcs8, readEcPkcs8 } from "./pkcs8.ts";
import { SecretBytes } from "./secret-bytes.ts";
import { SM2_CURVE, SM2_PARAMETER_BYTES, Sm2Point } from "./sm2-curve.ts";

/** Lengths of SM2 (GB/T 32918). A raw ciphertext is `ciphertextOverheadBytes` longer than what it holds. */
export const SM2 = { scalarBytes: 32, digestBytes: 32, ciphertextOverheadBytes: 97 } as const;

/** The user id that everybody uses who has none (GM/T 0009-2012, section 10). */
export const SM2_DEFAULT_USER_ID = "1234567812345678";

/** `raw`: 04 ‖ C1 ‖ C3 ‖ C2, a point, a hash, and as much as the plaintext. `der`: SM2Cipher (GM/T 0009-2012, section 7.2). */
export type Sm2CiphertextForm = "raw" | "der";

const POINT_BYTES = 65;
const HASH_BYTES = 32;
const UNCOMPRESSED = 0x04;
const n = Sm2Point.Fn.ORDER;

/**
 * What an SM2 signature signs: SM3(Z ‖ message), where Z binds the signer's user id and public key (GB/T 32918.2-2016,
 * sections 5.5 and 6.1).
 *
 */
export function sm2Digest(input: {
  readonly publicKey: Sm2PublicKey;
  readonly message: Uint8Array;
  readonly userId?: string;
}): Buffer {
  const { publicKey, message, userId = SM2_DEFAULT_USER_ID } = input;
  return sm3(identityDigest(publicKey, userId), message);
}

/** As {@link sm2Digest} under the default identity, of a message of any length: a long one {@link inTurns}. */
export async function sm2DigestInTurns(input: {
  readonly whose: string;
  readonly publicKey: Sm2PublicKey;
  readonly message: Uint8Array;
}): Promise<Buffer> {
  const { whose, publicKey, message } = input;
  const hash = createHash("sm3").update(identityDigest(publicKey, SM2_DEFAULT_USER_ID));
  await inTurns(whose, message, (slice) => hash.update(slice));
  return hash.digest();
}

/** Z of GB/T 32918.2-2016, section 5.5: what binds a digest to whose it is. */
function identityDigest(publicKey: Sm2PublicKey, userId: string): Buffer {
  const id = Buffer.from(userId);
  const idBits = Buffer.alloc(2);
  idBits.writeUInt16BE(id.length * 8);
  return sm3(idBits, id, SM2_PARAMETER_BYTES, publicKey.point.subarray(1));
}

/** An SM2 public key, made once and kept. */
export class Sm2PublicKey {
  /** 04 ‖ x ‖ y. */
  readonly point: Uint8Array;
  readonly #point: Sm2Point;

  private constructor(point: Sm2Point) {
    this.#point = point;
    this.point = point.toBytes(false);
  }

  /** @throws KeyFormatError if these are not 04 ‖ x ‖ y of a point of the curve. */
  static fromPoint(bytes: Uint8Array): Sm2PublicKey {
    try {
      if (bytes.length !== POINT_BYTES) throw new KeyFormatError();
      const point = Sm2Point.fromBytes(bytes);
      point.assertValidity();
      return new Sm2PublicKey(point);
    } catch {
      throw new KeyFormatError("The public key is not a point of the SM2 curve.");
    }
  }

  /**
   * Reads a DER SubjectPublicKeyInfo (GM/T 0009-2012, section 7.1).
   *
   * @throws KeyFormatError if it is not one of an SM2 key, or has anything behind it.
   */
  static fromSpki(der: Uint8Array): Sm2PublicKey {
    return Sm2PublicKey.fromPoint(readEcSpki(der, SM2_CURVE));
  }

  toSpki(): Buffer {
    return encodeEcSpki(this.point, SM2_CURVE);
  }

  /**
   * Whether `signature` is an SM2 signature of what {@link sm2Digest} gives, in DER and nothing but DER (GB/T
   * 32918.2-2016, section 7.1).
   *
   * @throws RangeError if the digest is not 32 bytes.
   */
  verify(digest: Uint8Array, signature: Uint8Array): boolean {
    const e = checkedDigest(digest);
    const numbers = readSignature(signature);
    if (numbers === undefined) return false;
    const { r, s } = numbers;
    const t = reduce(r + s, n);
    if (t === 0n) return false;
    const sum = Sm2Point.BASE.multiplyUnsafe(s).add(this.#point.multiplyUnsafe(t));
    return !sum.is0() && reduce(e + sum.toAffine().x, n) === r;
  }

  /**
   * Encrypts with SM2 and SM3 (GB/T 32918.4-2016, section 6.1).
   *
   * Not constant-time: the scalar of each ciphertext passes through bigints, once.
   *
   * @param plaintext - at least one byte.
   * @throws RangeError if it is empty, which SM2 has no way to protect.
   */
  encrypt(plaintext: Uint8Array, form: Sm2CiphertextForm): Buffer {
    if (plaintext.length === 0) throw new RangeError("SM2 encrypts at least one byte");
    for (;;) {
      const ephemeral = createECDH(SM2_CURVE.openssl);
      const c1 = ephemeral.generateKeys();
      using k = new SecretBytes(ephemeral.getPrivateKey());
      const shared = sharedBytes(this.#point, toBigInt(k.bytes));
      const mask = deriveMask(shared, plaintext.length);
      if (mask.every((byte) => byte === 0)) continue;
      const c3 = hashOf(shared, plaintext);
      const c2 = mask.map((byte, i) => byte ^ (plaintext[i] ?? 0));
      shared.fill(0);
      mask.fill(0);
      return form === "raw" ? Buffer.concat([c1, c3, c2]) : encodeCiphertext(c1, c3, c2);
    }
  }
}

/**
 * An SM2 private key, made once, kept, and cleared by its owner: `using key = Sm2PrivateKey.fromPkcs8(der)`.
 *
 * The scalar lies in bytes of the instance's own, but passes through bigints when it is used, which nobody can clear.
 */
export class Sm2PrivateKey implements Disposable {
  readonly publicKey: Sm2PublicKey;
  readonly #scalar: Uint8Array;

  private constructor(scalar: Uint8Array, publicKey: Sm2PublicKey) {
    this.#scalar = scalar;
    this.publicKey = publicKey;
  }

  /**
   * Takes the big-endian scalar D (GB/T 32918.1-2016, section 6.1) and copies it: `scalar` stays the caller's to clear.
   *
   * @throws KeyFormatError if it is not 32 bytes, or not from 1 to n - 2.
   */
  static fromScalar(scalar: Uint8Array): Sm2PrivateKey {
    if (scalar.length !== SM2.scalarBytes || !isScalar(toBigInt(scalar))) {
      throw new KeyFormatError("An SM2 private key is a number of 32 bytes, from 1 to the order of the curve less 2.");
    }
    // Curve arithmetic of node:crypto is sound on this curve; what it makes of SM2 keys is not SM2.
    const ecdh = createECDH(SM2_CURVE.openssl);
    ecdh.setPrivateKey(scalar);
    return new Sm2PrivateKey(Uint8Array.from(scalar), Sm2PublicKey.fromPoint(ecdh.getPublicKey()));
  }

  /**
   * Reads a DER PKCS #8 PrivateKeyInfo, which stays the caller's to clear.
   *
   * @throws KeyFormatError if it is not one of an SM2 key, names another public key, or has anything behind it.
   */
  static fromPkcs8(der: Uint8Array): Sm2PrivateKey {
    const { scalar, point } = readEcPkcs8(der, SM2_CURVE);
    const key = Sm2PrivateKey.fromScalar(scalar);
    if (point !== undefined && Buffer.compare(point, key.publicKey.point) !== 0) {
      key[Symbol.dispose]();
      throw new KeyFormatError("The public key in it is not that of the private key.");
    }
    return key;
  }

  /** The big-endian scalar D, 32 bytes. The caller clears the result. */
  toScalar(): Buffer {
    return Buffer.from(this.#scalar);
  }

  /** DER PKCS #8 PrivateKeyInfo, as OpenSSL writes it. The caller clears the result. */
  toPkcs8(): Buffer {
    return encodeEcPkcs8({ scalar: this.#scalar, point: this.publicKey.point }, SM2_CURVE);
  }

  /**
   * Signs what {@link sm2Digest} gives (GB/T 32918.2-2016, section 6.1). The signature is DER (GM/T 0009-2012, section
   * 7.3).
   *
   * OpenSSL draws the random scalar and multiplies the base point with it, in constant time. The arithmetic modulo the order is that of bigints, which are not constant-time: there the nonce and the key occur only
   * multiplied by a random number that is used once.
   *
   * @throws RangeError if the digest is not 32 bytes.
   */
  sign(digest: Uint8Array): Buffer {
    const e = checkedDigest(digest);
    for (;;) {
      const { scalar: k, x } = ephemeralKey(SM2_CURVE);
      const r = reduce(e + x, n);
      if (r === 0n || r + k === n) continue;
      const d = toBigInt(this.#scalar);
      const blind = randomScalar(n);
      const blindedSum = reduce(reduce(blind * k, n) - r * reduce(blind * d, n), n);
      const s = reduce(inverse(reduce(blind + blind * d, n), n) * blindedSum, n);
      if (s !== 0n) return encodeDer(derElement(DER_TAG.sequence, integer(r), integer(s)));
    }
  }

  /**
   * Decrypts either form (GB/T 32918.4-2016, section 7.1): the first byte tells them apart. The caller clears the result.
   *
   * Not constant-time: the key passes through the bigints of `@noble/curves`, whose algorithm takes the same steps for
   * every key, but whose steps take different time.
   *
   * @throws DecryptionError whatever is wrong with the ciphertext.
   */
  decrypt(ciphertext: Uint8Array): Buffer {
    const { c1, c3, c2 } = ciphertext[0] === UNCOMPRESSED ? splitCiphertext(ciphertext) : readCiphertext(ciphertext);
    let point: Sm2Point;
    try {
      point = Sm2Point.fromBytes(c1);
      point.assertValidity();
    } catch {
      throw new DecryptionError();
    }
    const shared = sharedBytes(point, toBigInt(this.#scalar));
    const plaintext = deriveMask(shared, c2.length);
    for (let i = 0; i < c2.length; i++) plaintext.writeUInt8(plaintext.readUInt8(i) ^ (c2[i] ?? 0), i);
    const isGenuine = timingSafeEqual(hashOf(shared, plaintext), c3);
    shared.fill(0);
    if (isGenuine) return plaintext;
    plaintext.fill(0);
    throw new DecryptionError();
  }

  /** Clears the scalar. The key must not be used again. */
  [Symbol.dispose](): void {
    this.#scalar.fill(0);
  }
}

interface Ciphertext {
  /** The point, as 04 ‖ x ‖ y. */
  readonly c1: Uint8Array;
  readonly c3: Uint8Array;
  readonly c2: Uint8Array;
}

function splitCiphertext(ciphertext: Uint8Array): Ciphertext {
  if (ciphertext.length <= SM2.ciphertextOverheadBytes) throw new DecryptionError();
  return {
    c1: ciphertext.subarray(0, POINT_BYTES),
    c3: ciphertext.subarray(POINT_BYTES, SM2.ciphertextOverheadBytes),
    c2: ciphertext.subarray(SM2.ciphertextOverheadBytes),
  };
}

function encodeCiphertext(c1: Uint8Array, c3: Uint8Array, c2: Uint8Array): Buffer {
  const middle = 1 + SM2.scalarBytes;
  return encodeDer(
    derElement(
      DER_TAG.sequence,
      derInteger(c1.subarray(1, middle)),
      derInteger(c1.subarray(middle)),
      derElement(DER_TAG.octetString, c3),
      derElement(DER_TAG.octetString, c2),
    ),
  );
}

function readCiphertext(der: Uint8Array): Ciphertext {
  try {
    const reader = DerReader.sequence(der);
    const [x, y] = [reader.unsignedInteger(), reader.unsignedInteger()];
    const [c3, c2] = [reader.read(DER_TAG.octetString), reader.read(DER_TAG.octetString)];
    reader.end();
    if (x.length > SM2.scalarBytes || y.length > SM2.scalarBytes || c3.length !== HASH_BYTES || c2.length === 0) {
      throw new DecryptionError();
    }
    const c1 = Buffer.alloc(POINT_BYTES);
    c1[0] = UNCOMPRESSED;
    c1.set(x, 1 + SM2.scalarBytes - x.length);
    c1.set(y, POINT_BYTES - y.length);
    return { c1, c3, c2 };
  } catch {
    throw new DecryptionError();
  }
}

/** x ‖ y of the point that only the two sides know. */
function sharedBytes(point: Sm2Point, scalar: bigint): Uint8Array {
  const { x, y } = point.multiply(scalar).toAffine();
  return Buffer.concat([toBytes(x, SM2.scalarBytes), toBytes(y, SM2.scalarBytes)]);
}

/** The key derivation function (GB/T 32918.4-2016, section 5.4.3). */
function deriveMask(shared: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let i = 1; blocks.length * HASH_BYTES < length; i++) {
    counter.writeUInt32BE(i);
    blocks.push(sm3(shared, counter));
  }
  return Buffer.concat(blocks, length);
}

/** C3: SM3 of x ‖ plaintext ‖ y. */
function hashOf(shared: Uint8Array, plaintext: Uint8Array): Buffer {
  return sm3(shared.subarray(0, SM2.scalarBytes), plaintext, shared.subarray(SM2.scalarBytes));
}

function isScalar(number: bigint): boolean {
  return number >= 1n && number <= n - 2n;
}

function readSignature(signature: Uint8Array): { readonly r: bigint; readonly s: bigint } | undefined {
  try {
    const reader = DerReader.sequence(signature);
    const [r, s] = [toBigInt(reader.unsignedInteger()), toBigInt(reader.unsignedInteger())];
    reader.end();
    return r > 0n && r < n && s > 0n && s < n ? { r, s } : undefined;
  } catch (error) {
    if (error instanceof KeyFormatError) return undefined;
    throw error;
  }
}

function checkedDigest(digest: Uint8Array): bigint {
  if (digest.length !== SM2.digestBytes) throw new RangeError("an SM2 digest is 32 bytes");
  return toBigInt(digest);
}

function integer(number: bigint): DerElement {
  return derInteger(toBytes(number, SM2.scalarBytes));
}

function sm3(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sm3");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
