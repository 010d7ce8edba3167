import type { KeyObject } from "node:crypto";

import { AES_GCM, openAesGcm, sealAesGcm } from "./aes-gcm.ts";
import { AuthenticationError } from "./errors.ts";

/** Lengths of the stream format (docs/formats/stream.md). `maxChunks` bounds a stream at 256 TiB of plaintext. */
export const STREAM = {
  keyBytes: 32,
  chunkBytes: 65_536,
  sealedChunkBytes: 65_536 + AES_GCM.tagBytes,
  maxChunks: 2 ** 32,
} as const;

const NO_AAD = Buffer.alloc(0);

/**
 * Seals one stream, chunk by chunk: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and
 * its Nonce-Reuse Misuse-Resistance", 2015) over AES-256-GCM, as docs/formats/stream.md has it.
 *
 * Nonces count from zero, so a key seals one stream and nothing else, ever: derive a fresh one for each.
 */
export class StreamSealer {
  readonly #key: KeyObject;
  readonly #position = new ChunkPosition();

  /** @throws RangeError if `key` is not a secret key of 32 bytes. */
  constructor(key: KeyObject) {
    this.#key = checkedKey(key);
  }

  /**
   * Seals the next chunk: 65,536 bytes of plaintext, or fewer in the last one, which is empty only in an empty stream.
   *
   * @throws RangeError on any other length, or after 2^32 chunks.
   * @throws Error after the last chunk.
   */
  seal(plaintext: Uint8Array, { last }: { readonly last: boolean }): Buffer {
    if (!this.#position.admits(plaintext.length, last)) {
      throw new RangeError("a chunk is 65,536 bytes, or 1 to 65,536 if it is the last, or empty if it is the only one");
    }
    return sealAesGcm({ key: this.#key, nonce: this.#position.advance(last), plaintext, aad: NO_AAD }).box;
  }
}

/**
 * Opens what {@link StreamSealer} sealed, chunk by chunk and in the same order.
 *
 * What it returns is verified to be the stream's beginning. Only the last chunk shows that the stream is whole: whoever
 * acts on it before, or when it never comes, acts on a stream that may have been cut short.
 */
export class StreamOpener {
  readonly #key: KeyObject;
  readonly #position = new ChunkPosition();

  /** @throws RangeError if `key` is not a secret key of 32 bytes. */
  constructor(key: KeyObject) {
    this.#key = checkedKey(key);
  }

  /**
   * Opens the next chunk; `last` says that nothing follows it. The caller clears the result.
   *
   * @throws AuthenticationError if it is altered, out of place, of a wrong length, the last one and not marked so, or
   *   marked so and not the last one.
   * @throws Error after the last chunk or a failure.
   */
  open(sealed: Uint8Array, { last }: { readonly last: boolean }): Buffer {
    const admitted = this.#position.admits(sealed.length - AES_GCM.tagBytes, last);
    const nonce = this.#position.advance(last);
    try {
      if (!admitted) throw new AuthenticationError();
      return openAesGcm({ key: this.#key, nonce, box: sealed, aad: NO_AAD });
    } catch (error) {
      this.#position.end();
      throw error;
    }
  }
}

/**
 * Seals all that `source` gives, in whatever pieces it comes, in constant memory. Fits `node:stream`'s `pipeline` as a
 * step: `pipeline(input, (source) => sealStream(key, source), output)`. For the key see {@link StreamSealer}.
 */
export async function* sealStream(key: KeyObject, source: ByteSource): AsyncGenerator<Buffer, void, undefined> {
  const sealer = new StreamSealer(key);
  for await (const { bytes, last } of rechunk(source, STREAM.chunkBytes)) yield sealer.seal(bytes, { last });
}

/**
 * Opens all that `source` gives, as {@link sealStream} in the other direction. A chunk is given out once it has
 * verified, so the output is good only if the generator ends without an error: until then it must not be used.
 *
 * @throws AuthenticationError if anything was altered, reordered, cut off or appended.
 */
export async function* openStream(key: KeyObject, source: ByteSource): AsyncGenerator<Buffer, void, undefined> {
  const opener = new StreamOpener(key);
  for await (const { bytes, last } of rechunk(source, STREAM.sealedChunkBytes)) yield opener.open(bytes, { last });
}

/**
 * Bytes that a sealed stream has, from the bytes of its plaintext.
 *
 * @throws RangeError if that is no length, or above 256 TiB.
 */
export function sealedSize(plaintextBytes: number): number {
  const chunks = Math.max(1, Math.ceil(plaintextBytes / STREAM.chunkBytes));
  if (!isLength(plaintextBytes) || chunks > STREAM.maxChunks) throw new RangeError("not the length of a stream");
  return plaintextBytes + chunks * AES_GCM.tagBytes;
}

/**
 * Bytes of plaintext that a sealed stream has, from the bytes of the whole: exact inverse of {@link sealedSize}.
 *
 * @throws AuthenticationError if no stream has that length.
 */
export function plaintextSize(sealedBytes: number): number {
  const chunks = Math.ceil(sealedBytes / STREAM.sealedChunkBytes);
  const plaintextBytes = sealedBytes - chunks * AES_GCM.tagBytes;
  if (!isLength(plaintextBytes) || chunks > STREAM.maxChunks || sealedSize(plaintextBytes) !== sealedBytes) {
    throw new AuthenticationError();
  }
  return plaintextBytes;
}

type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Where a sealer or opener stands: which chunk is next, and what it may look like. */
class ChunkPosition {
  #next = 0;
  #ended = false;

  admits(plaintextBytes: number, last: boolean): boolean {
    if (!last) return plaintextBytes === STREAM.chunkBytes;
    // An empty last chunk after others would be a second way to write the same plaintext.
    return plaintextBytes <= STREAM.chunkBytes && (plaintextBytes > 0 || (plaintextBytes === 0 && this.#next === 0));
  }

  /** The next chunk's nonce: an 11-byte big-endian counter, then 0x01 for the last chunk and 0x00 for all others. */
  advance(last: boolean): Buffer {
    if (this.#ended) throw new Error("the stream has ended");
    const nonce = Buffer.alloc(AES_GCM.nonceBytes);
    // The upper seven bytes stay zero; writing a counter above four bytes throws, and so the stream's bound holds.
    nonce.writeUInt32BE(this.#next, 7);
    nonce.writeUInt8(last ? 1 : 0, 11);
    this.#next++;
    this.#ended = last;
    return nonce;
  }

  end(): void {
    this.#ended = true;
  }
}

/**
 * The bytes of `source` in pieces of `size`, all full but the last, which is empty only if nothing came at all. A full
 * piece is held back until more has come, for until then it may be the last. Each piece is valid until the next is asked for.
 */
async function* rechunk(
  source: ByteSource,
  size: number,
): AsyncGenerator<{ readonly bytes: Buffer; readonly last: boolean }, void, undefined> {
  const piece = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const part of source) {
    for (let taken = 0; taken < part.length;) {
      if (filled === size) {
        yield { bytes: piece, last: false };
        filled = 0;
      }
      const end = Math.min(part.length, taken + size - filled);
      piece.set(part.subarray(taken, end), filled);
      filled += end - taken;
      taken = end;
    }
  }
  yield { bytes: piece.subarray(0, filled), last: true };
}

function checkedKey(key: KeyObject): KeyObject {
  if (key.symmetricKeySize !== STREAM.keyBytes) throw new RangeError("a stream key is a secret key of 32 bytes");
  return key;
}

function isLength(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
