import { DecryptionError } from "./errors.ts";

/** Appends PKCS #7 padding (RFC 5652, section 6.3): one byte to a whole block, each the number of bytes appended. */
export function padPkcs7(bytes: Uint8Array, blockBytes: number): Buffer {
  const count = blockBytes - (bytes.length % blockBytes);
  const padded = Buffer.alloc(bytes.length + count, count);
  padded.set(bytes);
  return padded;
}

/**
 * Gives the bytes before the padding: a view of the input. All bytes of the last block are looked at, whatever they are.
 *
 * @throws DecryptionError if the length is not that of whole blocks, or the padding is not as {@link padPkcs7} makes it.
 */
export function unpadPkcs7(bytes: Uint8Array, blockBytes: number): Uint8Array {
  const count = bytes[bytes.length - 1] ?? 0;
  if (bytes.length === 0 || bytes.length % blockBytes !== 0) throw new DecryptionError();
  let wrong = count === 0 || count > blockBytes ? 1 : 0;
  for (let i = 1; i <= blockBytes; i++) wrong |= i <= count ? (bytes[bytes.length - i] ?? 0) ^ count : 0;
  if (wrong !== 0) throw new DecryptionError();
  return bytes.subarray(0, bytes.length - count);
}
