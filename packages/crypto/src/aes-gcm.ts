import { type CipherGCMTypes, createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

import { AuthenticationError } from "./errors.ts";
import { inTurns } from "./in-turns.ts";
import { randomBytesPooled } from "./random.ts";

/** The only lengths taken here: 96-bit nonces and full 128-bit tags (NIST SP 800-38D, sections 5.2.1.1 and 5.2.1.2). */
export const AES_GCM = { nonceBytes: 12, tagBytes: 16 } as const;

/**
 * Seals with AES-GCM (NIST SP 800-38D). `box` is ciphertext ‖ 16-byte tag; `aad` is authenticated, not stored.
 *
 * @param input.key - a secret key of 16, 24 or 32 bytes.
 * @param input.nonce - 12 bytes, never used twice under one key. Left out, it is random, and then one key may seal at
 *   most 2^32 messages (SP 800-38D, section 8.3): the caller counts, or knows why the count stays below.
 * @throws RangeError if the key or the nonce has another length.
 */
export function sealAesGcm(input: {
  readonly key: KeyObject;
  readonly nonce?: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly aad: Uint8Array;
}): { readonly nonce: Uint8Array; readonly box: Buffer } {
  const { key, nonce = randomBytesPooled(AES_GCM.nonceBytes), plaintext, aad } = input;
  if (nonce.length !== AES_GCM.nonceBytes) throw new RangeError("an AES-GCM nonce is 12 bytes");
  const cipher = createCipheriv(algorithmOf(key), key, nonce);
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return { nonce, box: Buffer.concat([ciphertext, cipher.getAuthTag()]) };
}

/**
 * Opens what {@link sealAesGcm} sealed. The plaintext has memory of its own, which the caller clears.
 *
 * @throws AuthenticationError if nonce, box or associated data are not what was sealed, wrong lengths included.
 * @throws RangeError if the key is not a secret key of 16, 24 or 32 bytes.
 */
export function openAesGcm(input: {
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
  readonly aad: Uint8Array;
}): Buffer {
  const { key, nonce, box, aad } = input;
  const algorithm = algorithmOf(key);
  const ciphertextBytes = box.length - AES_GCM.tagBytes;
  if (nonce.length !== AES_GCM.nonceBytes || ciphertextBytes < 0) throw new AuthenticationError();

  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: AES_GCM.tagBytes });
  decipher.setAuthTag(box.subarray(ciphertextBytes));
  decipher.setAAD(aad);
  const plaintext = decipher.update(box.subarray(0, ciphertextBytes));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new AuthenticationError();
  }
  return plaintext;
}

/**
 * As {@link sealAesGcm}, of a plaintext of any length: a long one in turns of the event loop. The input must not change
 * meanwhile.
 *
 * @param input.whose - as of {@link inTurns}.
 * @returns the box.
 */
export async function sealAesGcmInTurns(input: {
  readonly whose: string;
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly aad: Uint8Array;
}): Promise<Buffer> {
  const { whose, key, nonce, plaintext, aad } = input;
  if (nonce.length !== AES_GCM.nonceBytes) throw new RangeError("an AES-GCM nonce is 12 bytes");
  const cipher = createCipheriv(algorithmOf(key), key, nonce);
  cipher.setAAD(aad);
  const slices: Buffer[] = [];
  await inTurns(whose, plaintext, (slice) => slices.push(cipher.update(slice)));
  cipher.final();
  return Buffer.concat([...slices, cipher.getAuthTag()]);
}

/**
 * As {@link openAesGcm}, of a box of any length: a long one in turns of the event loop. The input must not change meanwhile.
 *
 * @param input.whose - as of {@link inTurns}.
 * @throws AuthenticationError as {@link openAesGcm}. Nothing of the plaintext is left behind.
 */
export async function openAesGcmInTurns(input: {
  readonly whose: string;
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
  readonly aad: Uint8Array;
}): Promise<Buffer> {
  const { whose, key, nonce, box, aad } = input;
  const algorithm = algorithmOf(key);
  const ciphertextBytes = box.length - AES_GCM.tagBytes;
  if (nonce.length !== AES_GCM.nonceBytes || ciphertextBytes < 0) throw new AuthenticationError();

  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: AES_GCM.tagBytes });
  decipher.setAuthTag(box.subarray(ciphertextBytes));
  decipher.setAAD(aad);
  const plaintext = Buffer.alloc(ciphertextBytes);
  let at = 0;
  await inTurns(whose, box.subarray(0, ciphertextBytes), (slice) => {
    const opened = decipher.update(slice);
    plaintext.set(opened, at);
    at += opened.length;
    opened.fill(0);
  });
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new AuthenticationError();
  }
  return plaintext;
}

function algorithmOf(key: KeyObject): CipherGCMTypes {
  switch (key.symmetricKeySize) {
    case 16:
      return "aes-128-gcm";
    case 24:
      return "aes-192-gcm";
    case 32:
      return "aes-256-gcm";
    default:
      throw new RangeError("an AES key is a secret key of 16, 24 or 32 bytes");
  }
}
