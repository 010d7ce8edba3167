import { createCipheriv, createSecretKey, hash, randomBytes } from "node:crypto";
import { contextTag, DER_TAG, type DerElement, derElement, derInteger, derSequence, encodeDer } from "./der.ts";
import { computeMac } from "./mac.ts";
import { derObjectIdentifier } from "./object-identifier.ts";
import { SecretBytes } from "./secret-bytes.ts";

// Object identifiers: RFC 7292, sections 4.1, 4.2 and appendix C; RFC 2315, section 14; RFC 2985.
const OID = {
  data: "1.2.840.113549.1.7.1",
  encryptedData: "1.2.840.113549.1.7.6",
  shroudedKeyBag: "1.2.840.113549.1.12.10.1.2",
  certificateBag: "1.2.840.113549.1.12.10.1.3",
  x509Certificate: "1.2.840.113549.1.9.22.1",
  localKeyId: "1.2.840.113549.1.9.21",
  shaAnd3KeyTripleDesCbc: "1.2.840.113549.1.12.1.3",
  sha1: "1.3.14.3.2.26",
} as const;

const SET = 0x31;
const VERSION = 3;
const SALT_BYTES = 8;
/** As OpenSSL writes: what keeps the key is the password, and readers take their time with each turn. */
const ITERATIONS = 2048;

const TRIPLE_DES = { keyBytes: 24, ivBytes: 8 } as const;
const SHA1 = { digestBytes: 20, blockBytes: 64 } as const;

/** What a derived secret is for (RFC 7292, appendix B.3). */
const PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

/**
 * Writes a PKCS #12 file (RFC 7292) with one certificate and its private key, in the form that is read everywhere: both are
 * encrypted by pbeWithSHAAnd3-KeyTripleDES-CBC, the certificate's bag comes first, and an HMAC-SHA-1 guards the whole. What
 * Go's decoder and older ones refuse, AES and SHA-256, is not in it; its strength is that of the password.
 *
 * @param file.certificate - DER.
 * @param file.privateKey - DER PKCS #8. Stays the caller's to clear.
 * @param file.password - printable ASCII.
 */
export function encodePkcs12(file: {
  readonly certificate: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly password: string;
}): Buffer {
  using password = new SecretBytes(encodePassword(file.password));
  // Says which certificate belongs to the key.
  const localKeyId = hash("sha1", file.certificate, "buffer");
  const certificates = encodeDer(derSequence(certificateBag(file.certificate, localKeyId)));
  const keys = encodeDer(derSequence(keyBag(file.privateKey, { password: password.bytes, localKeyId })));
  const safe = encodeDer(derSequence(encryptedData(certificates, password.bytes), data(keys)));
  return encodeDer(derSequence(integer(VERSION), data(safe), macData(safe, password.bytes)));
}

function certificateBag(certificate: Uint8Array, localKeyId: Uint8Array): DerElement {
  const value = derSequence(
    derObjectIdentifier(OID.x509Certificate),
    explicit(derElement(DER_TAG.octetString, certificate)),
  );
  return derSequence(derObjectIdentifier(OID.certificateBag), explicit(value), attributes(localKeyId));
}

function keyBag(
  privateKey: Uint8Array,
  { password, localKeyId }: { readonly password: Uint8Array; readonly localKeyId: Uint8Array },
): DerElement {
  const { algorithm, ciphertext } = encrypt(privateKey, password);
  const value = derSequence(algorithm, derElement(DER_TAG.octetString, ciphertext));
  return derSequence(derObjectIdentifier(OID.shroudedKeyBag), explicit(value), attributes(localKeyId));
}

function attributes(localKeyId: Uint8Array): DerElement {
  const value = derElement(SET, derElement(DER_TAG.octetString, localKeyId));
  return derElement(SET, derSequence(derObjectIdentifier(OID.localKeyId), value));
}

function data(contents: Uint8Array): DerElement {
  return derSequence(derObjectIdentifier(OID.data), explicit(derElement(DER_TAG.octetString, contents)));
}

function encryptedData(contents: Uint8Array, password: Uint8Array): DerElement {
  const { algorithm, ciphertext } = encrypt(contents, password);
  const encrypted = derElement(contextTag(0, "primitive"), ciphertext);
  const info = derSequence(derObjectIdentifier(OID.data), algorithm, encrypted);
  return derSequence(derObjectIdentifier(OID.encryptedData), explicit(derSequence(integer(0), info)));
}

function encrypt(
  plaintext: Uint8Array,
  password: Uint8Array,
): { readonly algorithm: DerElement; readonly ciphertext: Buffer } {
  const salt = randomBytes(SALT_BYTES);
  using key = new SecretBytes(derive(password, { salt, purpose: PURPOSE.key, bytes: TRIPLE_DES.keyBytes }));
  const iv = derive(password, { salt, purpose: PURPOSE.iv, bytes: TRIPLE_DES.ivBytes });
  const cipher = createCipheriv("des-ede3-cbc", key.bytes, iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const parameters = derSequence(derElement(DER_TAG.octetString, salt), integer(ITERATIONS));
  return { algorithm: derSequence(derObjectIdentifier(OID.shaAnd3KeyTripleDesCbc), parameters), ciphertext };
}

function macData(contents: Uint8Array, password: Uint8Array): DerElement {
  const salt = randomBytes(SALT_BYTES);
  using key = new SecretBytes(derive(password, { salt, purpose: PURPOSE.mac, bytes: SHA1.digestBytes }));
  const mac = computeMac({ hash: "SHA_1", key: createSecretKey(key.bytes), message: contents });
  const algorithm = derSequence(derObjectIdentifier(OID.sha1), derElement(DER_TAG.null));
  return derSequence(
    derSequence(algorithm, derElement(DER_TAG.octetString, mac)),
    derElement(DER_TAG.octetString, salt),
    integer(ITERATIONS),
  );
}

/** Key derivation of RFC 7292, appendix B.2, with SHA-1. The caller clears the result. */
function derive(
  password: Uint8Array,
  { salt, purpose, bytes }: { readonly salt: Uint8Array; readonly purpose: number; readonly bytes: number },
): Buffer {
  const diversifier = Buffer.alloc(SHA1.blockBytes, purpose);
  using blocks = new SecretBytes(Buffer.concat([filled(salt), filled(password)]));
  const derived = Buffer.alloc(Math.ceil(bytes / SHA1.digestBytes) * SHA1.digestBytes);
  for (let at = 0; at < derived.length; at += SHA1.digestBytes) {
    let digest = hash("sha1", Buffer.concat([diversifier, blocks.bytes]), "buffer");
    for (let i = 1; i < ITERATIONS; i++) digest = hash("sha1", digest, "buffer");
    derived.set(digest, at);
    addToEach(blocks.bytes, filled(digest));
    digest.fill(0);
  }
  const result = Buffer.from(derived.subarray(0, bytes));
  derived.fill(0);
  return result;
}

/** As often one after the other as fills whole blocks of the hash. */
function filled(bytes: Uint8Array): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / SHA1.blockBytes) * SHA1.blockBytes, bytes);
}

/** Adds a number, and 1, to each block, modulo what a block holds; all are big-endian. */
function addToEach(blocks: Buffer, addend: Uint8Array): void {
  for (let start = 0; start < blocks.length; start += SHA1.blockBytes) {
    let carry = 1;
    for (let i = SHA1.blockBytes - 1; i >= 0; i--) {
      const sum = (blocks[start + i] ?? 0) + (addend[i] ?? 0) + carry;
      blocks[start + i] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}

/** UTF-16, big-endian, with two zero bytes at its end (RFC 7292, appendix B.1). The caller clears the result. */
function encodePassword(password: string): Buffer {
  return Buffer.from(`${password}\0`, "utf16le").swap16();
}

function explicit(contents: DerElement): DerElement {
  return derElement(contextTag(0, "constructed"), contents);
}

function integer(value: number): DerElement {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return derInteger(bytes);
}
