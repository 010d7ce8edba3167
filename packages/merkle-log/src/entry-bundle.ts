import type { TileFile } from "./hash-tiles.ts";
import { MerkleError } from "./merkle-error.ts";
import { TILE_WIDTH, tilePath } from "./tile-path.ts";

/** Longest entry that a bundle can hold, in bytes: its length is a u16 (C2SP tlog-tiles, "Log entries"). */
export const MAX_ENTRY_BYTES = 65_535;

const LENGTH_BYTES = 2;

/**
 * The content of an entry bundle: 1 to 256 entries, each after its length as u16be (C2SP tlog-tiles, "Log entries").
 *
 * @throws {@link MerkleError} `entry-too-large`; RangeError for another number of entries.
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length < 1 || entries.length > TILE_WIDTH)
    throw new RangeError(`a bundle has 1 to ${TILE_WIDTH} entries`);
  entries.forEach(assertEntryLength);
  return Buffer.concat(entries.flatMap((entry) => [lengthPrefix(entry), entry]));
}

/**
 * The entries of a bundle, as views of `bytes`.
 *
 * @throws {@link MerkleError} `malformed-tile` unless they are exactly `width` entries.
 */
export function decodeEntryBundle(bytes: Uint8Array, width: number): Buffer[] {
  const bundle = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Buffer[] = [];
  let offset = 0;
  while (offset + LENGTH_BYTES <= bundle.length && entries.length < width) {
    const start = offset + LENGTH_BYTES;
    offset = start + bundle.readUInt16BE(offset);
    entries.push(bundle.subarray(start, offset));
  }
  if (entries.length !== width || offset !== bundle.length) {
    throw new MerkleError("malformed-tile", `the bundle does not hold exactly ${width} whole entries`);
  }
  return entries;
}

/** Turns entries, given in order from the first, into entry bundles. It holds the entries of one unfinished bundle. */
export class EntryBundleBuilder {
  #index = 0;
  #entries: Uint8Array[] = [];

  /**
   * Takes the next entry (kept as it is, not copied) and returns the bundle that it completed, if it did.
   *
   * @throws {@link MerkleError} `entry-too-large`; the entry then is not taken.
   */
  add(entry: Uint8Array): TileFile | undefined {
    assertEntryLength(entry);
    this.#entries.push(entry);
    if (this.#entries.length < TILE_WIDTH) return undefined;
    const full = this.finish();
    this.#index += 1;
    this.#entries = [];
    return full;
  }

  /** The partial bundle as it is now, if it has entries. More may still be added. */
  finish(): TileFile | undefined {
    const width = this.#entries.length;
    if (width === 0) return undefined;
    return { path: tilePath({ level: "entries", index: this.#index, width }), bytes: encodeEntryBundle(this.#entries) };
  }
}

function assertEntryLength(entry: Uint8Array): void {
  if (entry.length > MAX_ENTRY_BYTES) {
    throw new MerkleError("entry-too-large", `an entry has at most ${MAX_ENTRY_BYTES} bytes, not ${entry.length}`);
  }
}

function lengthPrefix(entry: Uint8Array): Buffer {
  const prefix = Buffer.allocUnsafe(LENGTH_BYTES);
  prefix.writeUInt16BE(entry.length);
  return prefix;
}
