import { KeyFormatError } from "./errors.ts";

/** Tags of the types that keys and signatures are made of (ITU-T X.690, section 8). */
export const DER_TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
} as const;

/** The tag `[number]`, IMPLICIT of a primitive type or EXPLICIT and so constructed. */
export function contextTag(number: number, form: "primitive" | "constructed"): number {
  return (form === "primitive" ? 0x80 : 0xa0) | number;
}

const LONG_FORM = 0x80;
const SIGN_BIT = 0x80;
const MAX_LENGTH_BYTES = 4;

/**
 * Reads DER (ITU-T X.690, section 10), element after element, and takes no other encoding of the same value: lengths are
 * the shortest, integers too. Results are views of the input.
 *
 * Every method throws KeyFormatError if the next element is not the one asked for.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads `bytes` as one SEQUENCE with nothing behind it. */
  static sequence(bytes: Uint8Array): DerReader {
    return DerReader.only(bytes, (reader) => reader.sequence());
  }

  /** What `read` reads of `bytes`, which is all there is. */
  static only<T>(bytes: Uint8Array, read: (reader: DerReader) => T): T {
    const reader = new DerReader(bytes);
    const result = read(reader);
    reader.end();
    return result;
  }

  /** Whether the next element has this tag; false at the end. */
  isNext(tag: number): boolean {
    return this.#bytes[this.#offset] === tag;
  }

  /** The contents of the next element. */
  read(tag: number): Uint8Array {
    if (!this.isNext(tag)) throw new KeyFormatError("The key is not the DER structure it should be.");
    this.#offset++;
    const length = this.#readLength();
    const contents = this.#bytes.subarray(this.#offset, this.#offset + length);
    if (contents.length !== length) throw new KeyFormatError("The DER of the key is cut short.");
    this.#offset += length;
    return contents;
  }

  sequence(): DerReader {
    return new DerReader(this.read(DER_TAG.sequence));
  }

  /** The magnitude of a non-negative INTEGER, without leading zeros, so empty for 0. */
  unsignedInteger(): Uint8Array {
    const contents = this.read(DER_TAG.integer);
    const [first, second] = contents;
    if (first === undefined || first >= SIGN_BIT || (first === 0 && second !== undefined && second < SIGN_BIT)) {
      throw new KeyFormatError("The DER of the key has an integer that is negative or not the shortest.");
    }
    return first === 0 ? contents.subarray(1) : contents;
  }

  /** The contents of an OBJECT IDENTIFIER, as they are encoded. */
  objectIdentifier(): Uint8Array {
    return this.read(DER_TAG.objectIdentifier);
  }

  /** The bytes of a BIT STRING of whole bytes. */
  bitString(tag: number = DER_TAG.bitString): Uint8Array {
    const contents = this.read(tag);
    if (contents[0] !== 0) throw new KeyFormatError("The DER of the key has a bit string that is not of whole bytes.");
    return contents.subarray(1);
  }

  /** @throws KeyFormatError if anything is left. */
  end(): void {
    if (this.#offset !== this.#bytes.length) throw new KeyFormatError("There are bytes behind the DER of the key.");
  }

  #readLength(): number {
    const first = this.#byte();
    if (first < LONG_FORM) return first;
    const count = first - LONG_FORM;
    if (count === 0 || count > MAX_LENGTH_BYTES) throw new KeyFormatError("The DER of the key has a malformed length.");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 0x100 + this.#byte();
    if (length < LONG_FORM || length < 0x100 ** (count - 1)) {
      throw new KeyFormatError("The DER of the key has a length that is not the shortest.");
    }
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new KeyFormatError("The DER of the key is cut short.");
    return byte;
  }
}

/** An element that is yet to be written, so that what is secret in it is copied once and no more. */
export interface DerElement {
  readonly tag: number;
  readonly contents: readonly (Uint8Array | DerElement)[];
}

export function derElement(tag: number, ...contents: readonly (Uint8Array | DerElement)[]): DerElement {
  return { tag, contents };
}

/** A SEQUENCE of these elements; bytes are elements that are written already. */
export function derSequence(...contents: readonly (Uint8Array | DerElement)[]): DerElement {
  return derElement(DER_TAG.sequence, ...contents);
}

/** A non-negative INTEGER of these big-endian bytes, leading zeros or none. */
export function derInteger(magnitude: Uint8Array): DerElement {
  const start = magnitude.findIndex((byte) => byte !== 0);
  if (start === -1) return derElement(DER_TAG.integer, Buffer.of(0));
  const shortest = magnitude.subarray(start);
  const needsZero = (shortest[0] ?? 0) >= SIGN_BIT;
  return derElement(DER_TAG.integer, Buffer.alloc(needsZero ? 1 : 0), shortest);
}

/** A BIT STRING of whole bytes. */
export function derBitString(bytes: Uint8Array): DerElement {
  return derElement(DER_TAG.bitString, Buffer.alloc(1), bytes);
}

/** Writes an element and all in it. The result has memory of its own; what it is made of stays the caller's to clear. */
export function encodeDer(element: DerElement): Buffer {
  const out = Buffer.alloc(sizeOf(element));
  write(element, out, 0);
  return out;
}

function write({ tag, contents }: DerElement, out: Buffer, start: number): number {
  let offset = out.writeUInt8(tag, start);
  const length = encodeLength(contentsSize(contents));
  out.set(length, offset);
  offset += length.length;
  for (const part of contents) {
    if (part instanceof Uint8Array) {
      out.set(part, offset);
      offset += part.length;
    } else {
      offset = write(part, out, offset);
    }
  }
  return offset;
}

function sizeOf({ contents }: DerElement): number {
  const size = contentsSize(contents);
  return 1 + encodeLength(size).length + size;
}

function contentsSize(contents: DerElement["contents"]): number {
  return contents.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : sizeOf(part)), 0);
}

function encodeLength(length: number): Buffer {
  if (length < LONG_FORM) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100);
  return Buffer.of(LONG_FORM | bytes.length, ...bytes);
}
