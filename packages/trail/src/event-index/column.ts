import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/*
 * What the events of a segment have as one attribute, as 32-bit hashes: enough to find few candidates among thousands of
 * events, each of which is then read and compared. Several events have the same values, so the distinct ones stand first
 * and tell at once that a segment has nothing of what is looked for.
 *
 * Stored, in the machine's byte order, which every node of a deployment shares: format (u32) | positions (u32) |
 * values (u32) | further (u32) | values (u32 each) | positions of further values (u32 each) | further values (u32 each) |
 * codes: one Zstandard frame of an index into the values for each position, u8 or, of more than 256 values, u16;
 * nothing if there is but one value. In the plain format there is a value for each position, and no codes.
 */
const FORMAT_CODED = 1;
const FORMAT_PLAIN = 2;
const HEADER_WORDS = 4;
const COMPRESSION = { [constants.ZSTD_c_compressionLevel]: 1 };
/** Most positions of a column, so that a code has 16 bits. */
export const MAX_POSITIONS = 65_536;
/** With more distinct values than this share of the positions, codes save nothing. */
const PLAIN_SHARE = 0.25;

/** The hash of what has no value; {@link hashText} never gives it. */
export const NO_VALUE = 0;

/** The values of the events at positions 0, 1, 2, …, and the further ones of events that have several. */
export interface ColumnValues {
  readonly hashes: Uint32Array;
  readonly further: readonly { readonly position: number; readonly hash: number }[];
}

/** A stored column that is not what {@link encodeColumn} writes. */
export class MalformedColumnError extends Error {
  override readonly name = "MalformedColumnError";
}

/** 32-bit FNV-1a over UTF-16 code units, and a final mixing; never {@link NO_VALUE}. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0 || 1;
}

/** @throws RangeError for more than {@link MAX_POSITIONS} positions. */
export function encodeColumn({ hashes, further }: ColumnValues): Uint8Array {
  if (hashes.length > MAX_POSITIONS) throw new RangeError("a column has at most 65,536 positions");
  const coded = toCodes(hashes);
  const { values, codes } = coded ?? { values: hashes, codes: new Uint8Array() };
  const words = new Uint32Array(HEADER_WORDS + values.length + 2 * further.length);
  words.set([coded === undefined ? FORMAT_PLAIN : FORMAT_CODED, hashes.length, values.length, further.length]);
  words.set(values, HEADER_WORDS);
  for (const [i, { position, hash }] of further.entries()) {
    words[HEADER_WORDS + values.length + i] = position;
    words[HEADER_WORDS + values.length + further.length + i] = hash;
  }
  const stored = values.length > 1 && codes.length > 0 ? compress(codes) : new Uint8Array();
  return Buffer.concat([bytesOf(words), stored]);
}

function toCodes(hashes: Uint32Array): { values: Uint32Array; codes: Uint8Array } | undefined {
  const codeOf = new Map<number, number>();
  const codes = new Uint16Array(hashes.length);
  const most = hashes.length * PLAIN_SHARE;
  let [lastHash, code]: [number | undefined, number | undefined] = [undefined, undefined];
  for (let position = 0; position < hashes.length; position++) {
    const hash = hashes[position] ?? NO_VALUE;
    if (code === undefined || hash !== lastHash) {
      lastHash = hash;
      code = codeOf.get(hash);
      if (code === undefined) {
        code = codeOf.size;
        if (code > 0 && code >= most) return undefined;
        codeOf.set(hash, code);
      }
    }
    codes[position] = code;
  }
  const values = Uint32Array.from(codeOf.keys());
  return { values, codes: values.length > 256 ? bytesOf(codes) : new Uint8Array(codes) };
}

/** A column as it was read: its codes are decompressed only where its values have what is looked for. */
export class Column {
  /** Events that it tells about. */
  readonly positions: number;
  readonly #isPlain: boolean;
  readonly #values: Uint32Array;
  readonly #furtherPositions: Uint32Array;
  readonly #furtherValues: Uint32Array;
  readonly #frame: Uint8Array;
  #codes: Uint8Array | Uint16Array | undefined;

  /** @throws {@link MalformedColumnError} */
  constructor(data: Uint8Array) {
    // A copy, which begins at a multiple of four as words must.
    const bytes = new Uint8Array(data);
    if (bytes.length < HEADER_WORDS * 4) throw new MalformedColumnError("the column has no header");
    const [format, positions = 0, values = 0, further = 0] = new Uint32Array(bytes.buffer, 0, HEADER_WORDS);
    const end = HEADER_WORDS + values + 2 * further;
    const isPlain = format === FORMAT_PLAIN;
    if ((!isPlain && format !== FORMAT_CODED) || positions > MAX_POSITIONS || end * 4 > bytes.length) {
      throw new MalformedColumnError("the column's header is not of a column");
    }
    if (isPlain ? values !== positions : values > positions || (values === 0 && positions > 0)) {
      throw new MalformedColumnError("the column has not as many values as positions need");
    }
    this.positions = positions;
    this.#isPlain = isPlain;
    this.#values = new Uint32Array(bytes.buffer, HEADER_WORDS * 4, values);
    this.#furtherPositions = new Uint32Array(bytes.buffer, (HEADER_WORDS + values) * 4, further);
    this.#furtherValues = new Uint32Array(bytes.buffer, (HEADER_WORDS + values + further) * 4, further);
    this.#frame = bytes.subarray(end * 4);
  }

  /** Memory that it takes once it has been searched, about. */
  get bytes(): number {
    const codes = this.#isPlain || this.#values.length <= 1 ? 0 : this.positions * (this.#isWide ? 2 : 1);
    return this.#frame.byteOffset + this.#frame.length + codes;
  }

  /** Whether any position has a value. */
  has(hash: number): boolean {
    return this.#values.includes(hash) || this.#furtherValues.includes(hash);
  }

  /** Whether every position has a value, as where all events are of one service: then {@link Column.count} tells nothing. */
  isEverywhere(hash: number): boolean {
    return !this.#isPlain && this.#values.length === 1 && this.#values[0] === hash;
  }

  /** Adds 1 to the count of each position that has a value, once. @throws {@link MalformedColumnError} */
  count(hash: number, counts: Uint8Array): void {
    const before = this.#furtherValues.includes(hash) ? Uint8Array.from(counts) : undefined;
    // Plain loops: lookups for what is frequent go over every event of the range.
    if (this.#isPlain) countIn(this.#values, hash, counts);
    else if (this.isEverywhere(hash)) for (let at = 0; at < counts.length; at++) counts[at] = (counts[at] ?? 0) + 1;
    else if (this.#values.length > 1) {
      const code = this.#values.indexOf(hash);
      if (code !== -1) countIn(this.#decompress(), code, counts);
    }
    if (before === undefined) return;
    for (let i = 0; i < this.#furtherValues.length; i++) {
      const position = this.#furtherPositions[i] ?? counts.length;
      if (this.#furtherValues[i] === hash && position < counts.length) counts[position] = (before[position] ?? 0) + 1;
    }
  }

  /** The first value of each position. @throws {@link MalformedColumnError} */
  get hashes(): Uint32Array {
    if (this.#isPlain) return this.#values;
    const hashes = new Uint32Array(this.positions);
    const values = this.#values;
    if (values.length <= 1) return hashes.fill(values[0] ?? NO_VALUE);
    const codes = this.#decompress();
    for (let position = 0; position < hashes.length; position++) {
      const value = values[codes[position] ?? values.length];
      if (value === undefined) throw new MalformedColumnError("a code stands for no value");
      hashes[position] = value;
    }
    return hashes;
  }

  /** What it was made from. @throws {@link MalformedColumnError} */
  values(): ColumnValues {
    const further = Array.from(this.#furtherPositions, (position, i) => ({
      position,
      hash: this.#furtherValues[i] ?? NO_VALUE,
    }));
    return { hashes: this.hashes, further };
  }

  get #isWide(): boolean {
    return this.#values.length > 256;
  }

  /** Kept once decompressed: who turns pages needs the same ones. */
  #decompress(): Uint8Array | Uint16Array {
    if (this.#codes === undefined) {
      const codes = decompress(this.#frame, this.#isWide ? this.positions * 2 : this.positions);
      this.#codes = this.#isWide ? new Uint16Array(codes.buffer, 0, this.positions) : codes;
    }
    return this.#codes;
  }
}

function countIn(codes: Uint8Array | Uint16Array | Uint32Array, code: number, counts: Uint8Array): void {
  for (let at = 0; at < counts.length; at++) if (codes[at] === code) counts[at] = (counts[at] ?? 0) + 1;
}

export function compress(bytes: Uint8Array): Buffer {
  return zstdCompressSync(bytes, { params: COMPRESSION, pledgedSrcSize: bytes.length });
}

/** Exactly so many bytes, in a buffer of their own. @throws {@link MalformedColumnError} */
export function decompress(frame: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  let bytes: Buffer;
  try {
    bytes = zstdDecompressSync(frame, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw new MalformedColumnError("a frame cannot be decompressed", { cause });
  }
  if (bytes.length !== length) throw new MalformedColumnError("a frame has another length");
  return new Uint8Array(bytes);
}

export function bytesOf(words: Uint32Array | Uint16Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
