import {
  type CipherGCM,
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  type DecipherGCM,
  type Decipheriv,
  getCiphers,
  type KeyObject,
  timingSafeEqual,
} from "node:crypto";

import { GHASH } from "@noble/ciphers/_polyval.js";

import { AuthenticationError } from "./errors.ts";
import { randomBytesPooled } from "./random.ts";

/** The only lengths taken here (RFC 8998, section 3.1, names them for AEAD_SM4_GCM). */
export const SM4_GCM = { keyBytes: 16, nonceBytes: 12, tagBytes: 16 } as const;

const BLOCK_BYTES = 16;
const NATIVE = "sm4-gcm";
const isNative = getCiphers().includes(NATIVE);

/**
 * Seals with SM4-GCM (RFC 8998, section 2; NIST SP 800-38D over GB/T 32907). `box` is ciphertext ‖ 16-byte tag; `aad` is
 * authenticated, not stored.
 *
 * Where OpenSSL has no SM4-GCM, as in Node 24, it is put together from OpenSSL's SM4 and the GHASH of `@noble/ciphers`,
 * which looks up tables and so is not constant-time.
 *
 * @param input.key - a secret key of 16 bytes.
 * @param input.nonce - 12 bytes, never used twice under one key. Left out, it is random, and then one key may seal at
 *   most 2^32 messages (SP 800-38D, section 8.3): the caller counts, or knows why the count stays below.
 * @throws RangeError if the key or the nonce has another length.
 */
export function sealSm4Gcm(input: {
  readonly key: KeyObject;
  readonly nonce?: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly aad: Uint8Array;
}): { readonly nonce: Uint8Array; readonly box: Buffer } {
  const { key, nonce = randomBytesPooled(SM4_GCM.nonceBytes), plaintext, aad } = input;
  assertKey(key);
  if (nonce.length !== SM4_GCM.nonceBytes) throw new RangeError("an SM4-GCM nonce is 12 bytes");
  return { nonce, box: isNative ? sealNative({ key, nonce, plaintext, aad }) : seal({ key, nonce, plaintext, aad }) };
}

/**
 * Opens what {@link sealSm4Gcm} sealed. The plaintext has memory of its own, which the caller clears.
 *
 * @throws AuthenticationError if nonce, box or associated data are not what was sealed, wrong lengths included.
 * @throws RangeError if the key is not a secret key of 16 bytes.
 */
export function openSm4Gcm(input: {
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
  readonly aad: Uint8Array;
}): Buffer {
  const { key, nonce, box, aad } = input;
  assertKey(key);
  const ciphertextBytes = box.length - SM4_GCM.tagBytes;
  if (nonce.length !== SM4_GCM.nonceBytes || ciphertextBytes < 0) throw new AuthenticationError();
  const sealed = { key, nonce, ciphertext: box.subarray(0, ciphertextBytes), tag: box.subarray(ciphertextBytes), aad };
  return isNative ? openNative(sealed) : open(sealed);
}

interface Message {
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
}

function seal({ plaintext, ...message }: Message & { readonly plaintext: Uint8Array }): Buffer {
  const { tagMask, text: ciphertext } = counterMode(message, plaintext);
  return Buffer.concat([ciphertext, tagOf(message, ciphertext, tagMask)]);
}

function open(message: Message & { readonly ciphertext: Uint8Array; readonly tag: Uint8Array }): Buffer {
  const { ciphertext, tag } = message;
  const { tagMask, text: plaintext } = counterMode(message, ciphertext);
  if (timingSafeEqual(tagOf(message, ciphertext, tagMask), tag)) return plaintext;
  plaintext.fill(0);
  throw new AuthenticationError();
}

/** Counter mode from J0 = nonce ‖ 1 on: the first block masks the tag, the others the text (SP 800-38D, section 7.1). */
function counterMode({ key, nonce }: Message, text: Uint8Array): { readonly tagMask: Buffer; readonly text: Buffer } {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.set(nonce);
  counter[BLOCK_BYTES - 1] = 1;
  const cipher = createCipheriv("sm4-ctr", key, counter);
  return { tagMask: cipher.update(Buffer.alloc(BLOCK_BYTES)), text: cipher.update(text) };
}

function tagOf({ key, aad }: Message, ciphertext: Uint8Array, mask: Buffer): Buffer {
  const hashKey = createCipheriv("sm4-ecb", key, null).setAutoPadding(false).update(Buffer.alloc(BLOCK_BYTES));
  const lengths = Buffer.alloc(BLOCK_BYTES);
  lengths.writeBigUInt64BE(BigInt(aad.length) * 8n, 0);
  lengths.writeBigUInt64BE(BigInt(ciphertext.length) * 8n, BLOCK_BYTES / 2);
  const ghash = new GHASH(hashKey, aad.length + ciphertext.length + BLOCK_BYTES);
  const tag = Buffer.from(ghash.update(aad).update(ciphertext).update(lengths).digest());
  ghash.destroy();
  hashKey.fill(0);
  for (let i = 0; i < tag.length; i++) tag.writeUInt8(tag.readUInt8(i) ^ mask.readUInt8(i), i);
  return tag;
}

function sealNative({ key, nonce, aad, plaintext }: Message & { readonly plaintext: Uint8Array }): Buffer {
  const cipher = createCipheriv(NATIVE, key, nonce);
  if (!isGcmCipher(cipher)) throw new Error("OpenSSL has an SM4-GCM without tags");
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([ciphertext, cipher.getAuthTag()]);
}

function openNative(message: Message & { readonly ciphertext: Uint8Array; readonly tag: Uint8Array }): Buffer {
  const decipher = createDecipheriv(NATIVE, message.key, message.nonce);
  if (!isGcmDecipher(decipher)) throw new Error("OpenSSL has an SM4-GCM without tags");
  decipher.setAuthTag(message.tag);
  decipher.setAAD(message.aad);
  const plaintext = decipher.update(message.ciphertext);
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new AuthenticationError();
  }
  return plaintext;
}

// The types of Node know no other GCM than that of AES.
function isGcmCipher(cipher: Cipheriv): cipher is CipherGCM {
  return "getAuthTag" in cipher;
}

function isGcmDecipher(decipher: Decipheriv): decipher is DecipherGCM {
  return "setAuthTag" in decipher;
}

function assertKey(key: KeyObject): void {
  if (key.symmetricKeySize !== SM4_GCM.keyBytes) throw new RangeError("an SM4 key is a secret key of 16 bytes");
}
