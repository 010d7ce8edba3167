import {
  constants,
  createHash,
  decapsulate,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

import { DecryptionError } from "./errors.ts";

/** Hash functions of RSAES-OAEP; MGF1 uses the same one, and the label is empty. */
export type OaepHash = "SHA_1" | "SHA_256";

/** How an RSA signature encodes the SHA-256 digest (RFC 8017, sections 9.1 and 9.2). */
export type RsaPadding = "PSS" | "PKCS1";

const OAEP_HASHES = {
  SHA_1: { node: "sha1", bytes: 20 },
  SHA_256: { node: "sha256", bytes: 32 },
} as const;

const DIGEST_BYTES = 32;
const SALT_BYTES = 32;
const PSS_TRAILER = 0xbc;
/** DER of DigestInfo for SHA-256, up to the digest (RFC 8017, section 9.2, note 1). */
const SHA_256_PREFIX = Buffer.from("3031300d060960864801650304020105000420", "hex");
const BITS_PER_BYTE = 8;

/**
 * Signs a SHA-256 digest with RSASSA-PSS (MGF1 with SHA-256, salt of 32 bytes) or RSASSA-PKCS1-v1_5 (RFC 8017, section
 * 8). Takes a millisecond to several.
 *
 * Node hashes whatever it signs, so the encoding is made here, and the RSA operation proper is that of RSASVE (NIST SP
 * 800-56B, section 7.2.1.3), which is nothing else, and blinded as every other of OpenSSL's.
 *
 * @param input.privateKey - of type `rsa`.
 * @param input.digest - 32 bytes.
 * @throws RangeError if key or digest are not such.
 */
export function signRsa(input: {
  readonly privateKey: KeyObject;
  readonly padding: RsaPadding;
  readonly digest: Uint8Array;
}): Buffer {
  const { privateKey, padding, digest } = input;
  if (digest.length !== DIGEST_BYTES) throw new RangeError("a SHA-256 digest is 32 bytes");
  const size = modulusBytesOf(privateKey);
  const encoded = padding === "PSS" ? encodePss(digest, randomBytes(SALT_BYTES), size) : encodePkcs1(digest, size);
  return decapsulate(privateKey, encoded);
}

/**
 * Whether `signature` is one of a SHA-256 digest, under the same rules as {@link signRsa}: other salt lengths, and
 * PKCS #1 encodings that differ in any byte, are none.
 *
 * @throws RangeError as {@link signRsa}.
 */
export function verifyRsa(input: {
  readonly publicKey: KeyObject;
  readonly padding: RsaPadding;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}): boolean {
  const { publicKey, padding, digest, signature } = input;
  if (digest.length !== DIGEST_BYTES) throw new RangeError("a SHA-256 digest is 32 bytes");
  const size = modulusBytesOf(publicKey);
  if (signature.length !== size) return false;
  let encoded: Buffer;
  try {
    encoded = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    // A number that is not below the modulus.
    return false;
  }
  if (padding === "PKCS1") return timingSafeEqual(encoded, encodePkcs1(digest, size));
  return isPssOf(encoded, digest);
}

/** Bytes that RSAES-OAEP takes at most (RFC 8017, section 7.1.1). */
export function maxOaepPlaintextBytes(modulusBits: number, hash: OaepHash): number {
  return modulusBits / BITS_PER_BYTE - 2 * OAEP_HASHES[hash].bytes - 2;
}

/**
 * Encrypts with RSAES-OAEP (RFC 8017, section 7.1.1).
 *
 * @throws RangeError if the plaintext is longer than {@link maxOaepPlaintextBytes}.
 */
export function encryptRsaOaep(input: {
  readonly publicKey: KeyObject;
  readonly hash: OaepHash;
  readonly plaintext: Uint8Array;
}): Buffer {
  const { publicKey, hash, plaintext } = input;
  const most = maxOaepPlaintextBytes(modulusBytesOf(publicKey) * BITS_PER_BYTE, hash);
  if (plaintext.length > most) throw new RangeError(`this key encrypts at most ${most} bytes`);
  return publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: OAEP_HASHES[hash].node },
    plaintext,
  );
}

/**
 * Decrypts RSAES-OAEP (RFC 8017, section 7.1.2). Takes a millisecond to several. The caller clears the result.
 *
 * @throws DecryptionError whatever is wrong with the ciphertext, its length included.
 */
export function decryptRsaOaep(input: {
  readonly privateKey: KeyObject;
  readonly hash: OaepHash;
  readonly ciphertext: Uint8Array;
}): Buffer {
  const { privateKey, hash, ciphertext } = input;
  if (ciphertext.length !== modulusBytesOf(privateKey)) throw new DecryptionError();
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: OAEP_HASHES[hash].node };
  try {
    return privateDecrypt({ key: privateKey, ...padding }, ciphertext);
  } catch {
    throw new DecryptionError();
  }
}

/** Encrypts with RSAES-PKCS1-v1_5 (RFC 8017, section 7.2.1), which only key import still knows. */
export function encryptRsaPkcs1(input: { readonly publicKey: KeyObject; readonly plaintext: Uint8Array }): Buffer {
  const most = modulusBytesOf(input.publicKey) - PKCS1_OVERHEAD_BYTES;
  if (input.plaintext.length > most) throw new RangeError(`this key encrypts at most ${most} bytes`);
  return publicEncrypt({ key: input.publicKey, padding: constants.RSA_PKCS1_PADDING }, input.plaintext);
}

/** 00 02, at least eight random bytes, 00. */
const PKCS1_OVERHEAD_BYTES = 11;

/**
 * Decrypts RSAES-PKCS1-v1_5 to exactly `plaintextBytes` bytes. The caller clears the result.
 *
 * Wrong padding must not be told from a wrong plaintext (Bleichenbacher, "Chosen ciphertext attacks", 1998). OpenSSL
 * rejects implicitly: wrong padding gives bytes that depend on key and ciphertext alone, of a length that does too. So
 * one such ciphertext in some hundred gives bytes of the length asked for, and the caller takes them for a key that
 * nobody knows.
 *
 * @throws DecryptionError if the plaintext has another length.
 */
export function decryptRsaPkcs1(input: {
  readonly privateKey: KeyObject;
  readonly ciphertext: Uint8Array;
  readonly plaintextBytes: number;
}): Buffer {
  const { privateKey, ciphertext, plaintextBytes } = input;
  if (ciphertext.length !== modulusBytesOf(privateKey)) throw new DecryptionError();
  let plaintext: Buffer;
  try {
    plaintext = privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, ciphertext);
  } catch {
    throw new DecryptionError();
  }
  if (plaintext.length === plaintextBytes) return plaintext;
  plaintext.fill(0);
  throw new DecryptionError();
}

function modulusBytesOf(key: KeyObject): number {
  const bits = key.asymmetricKeyType === "rsa" ? key.asymmetricKeyDetails?.modulusLength : undefined;
  if (bits === undefined || bits % BITS_PER_BYTE !== 0) throw new RangeError("an RSA key of whole bytes is needed");
  return bits / BITS_PER_BYTE;
}

/** EMSA-PKCS1-v1_5 (RFC 8017, section 9.2). */
function encodePkcs1(digest: Uint8Array, size: number): Buffer {
  const encoded = Buffer.alloc(size, 0xff);
  encoded[0] = 0;
  encoded[1] = 1;
  encoded.set(digest, size - DIGEST_BYTES);
  encoded.set(SHA_256_PREFIX, size - DIGEST_BYTES - SHA_256_PREFIX.length);
  encoded[size - DIGEST_BYTES - SHA_256_PREFIX.length - 1] = 0;
  return encoded;
}

/** EMSA-PSS-ENCODE (RFC 8017, section 9.1.1) into one bit less than the modulus has, which is of whole bytes. */
function encodePss(digest: Uint8Array, salt: Uint8Array, size: number): Buffer {
  const hash = pssHash(digest, salt);
  const block = Buffer.alloc(size - DIGEST_BYTES - 1);
  block.set(salt, block.length - SALT_BYTES);
  block[block.length - SALT_BYTES - 1] = 1;
  xorMgf1(block, hash);
  block.writeUInt8(block.readUInt8(0) & 0x7f, 0);
  return Buffer.concat([block, hash, Buffer.of(PSS_TRAILER)]);
}

/** EMSA-PSS-VERIFY (RFC 8017, section 9.1.2). */
function isPssOf(encoded: Buffer, digest: Uint8Array): boolean {
  const blockBytes = encoded.length - DIGEST_BYTES - 1;
  if (encoded[encoded.length - 1] !== PSS_TRAILER || encoded.readUInt8(0) > 0x7f) return false;
  const hash = encoded.subarray(blockBytes, -1);
  const block = Buffer.from(encoded.subarray(0, blockBytes));
  xorMgf1(block, hash);
  block.writeUInt8(block.readUInt8(0) & 0x7f, 0);
  const saltAt = blockBytes - SALT_BYTES;
  if (block[saltAt - 1] !== 1 || block.subarray(0, saltAt - 1).some((byte) => byte !== 0)) return false;
  return timingSafeEqual(hash, pssHash(digest, block.subarray(saltAt)));
}

function pssHash(digest: Uint8Array, salt: Uint8Array): Buffer {
  return createHash("sha256").update(Buffer.alloc(8)).update(digest).update(salt).digest();
}

/** MGF1 with SHA-256 (RFC 8017, appendix B.2.1), into `block` by exclusive or. */
function xorMgf1(block: Buffer, seed: Uint8Array): void {
  const counter = Buffer.alloc(4);
  for (let offset = 0; offset < block.length; offset += DIGEST_BYTES) {
    counter.writeUInt32BE(offset / DIGEST_BYTES);
    const mask = createHash("sha256").update(seed).update(counter).digest();
    for (let i = 0; i < DIGEST_BYTES && offset + i < block.length; i++) {
      block.writeUInt8(block.readUInt8(offset + i) ^ mask.readUInt8(i), offset + i);
    }
  }
}
