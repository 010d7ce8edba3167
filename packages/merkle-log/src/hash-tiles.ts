import { assertHash, HASH_BYTES } from "./hash.ts";
import { MerkleError } from "./merkle-error.ts";
import { TILE_HEIGHT, TILE_WIDTH, tilePath } from "./tile-path.ts";
import { type HashReader, treeRoot } from "./tree.ts";
import { assertTreeSize } from "./tree-size.ts";

/** A file of a tiled log: where it lies below the log's prefix, and its content. */
export interface TileFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The content of a hash tile: its hashes, one after the other. @throws RangeError unless they are 1 to 256 hashes. */
export function encodeHashTile(hashes: readonly Uint8Array[]): Buffer {
  if (hashes.length < 1 || hashes.length > TILE_WIDTH) throw new RangeError(`a tile has 1 to ${TILE_WIDTH} hashes`);
  hashes.forEach(assertHash);
  return Buffer.concat(hashes);
}

/** The hashes of a tile, as views of `bytes`. @throws {@link MerkleError} `malformed-tile` unless they are `width`. */
export function decodeHashTile(bytes: Uint8Array, width: number): Buffer[] {
  if (bytes.length !== width * HASH_BYTES) {
    throw new MerkleError(
      "malformed-tile",
      `a tile of ${width} hashes has ${width * HASH_BYTES} bytes, not ${bytes.length}`,
    );
  }
  const tile = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: width }, (_, position) =>
    tile.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES),
  );
}

/**
 * Turns leaf hashes, given in order from the first, into the hash tiles of the tree (C2SP tlog-tiles). It holds one
 * unfinished tile a level and nothing else.
 */
export class TileBuilder {
  readonly #levels: { index: number; hashes: Buffer[] }[] = [];

  /** Takes the next leaf hash; returns the tiles it completed, the lowest level first, and mostly none. */
  add(leafHash: Uint8Array): TileFile[] {
    assertHash(leafHash);
    const full: TileFile[] = [];
    let hash: Buffer = Buffer.from(leafHash);
    for (let level = 0; ; level += 1) {
      const tile = (this.#levels[level] ??= { index: 0, hashes: [] });
      tile.hashes.push(hash);
      if (tile.hashes.length < TILE_WIDTH) return full;
      full.push(tileFile(level, tile));
      hash = treeRoot(tile.hashes);
      this.#levels[level] = { index: tile.index + 1, hashes: [] };
    }
  }

  /** The partial tiles of the tree as it is now, the lowest level first. More leaves may still be added. */
  finish(): TileFile[] {
    return this.#levels.flatMap((tile, level) => (tile.hashes.length > 0 ? [tileFile(level, tile)] : []));
  }
}

/**
 * Reads the hashes of a tree from its tiles. Nothing is verified: a proof made from wrong tiles fails its check.
 *
 * @param options.size - of the tree that the tiles were written for: it says how wide the partial ones are.
 * @param options.readTile - the content at a path; reads may overlap and repeat.
 * @returns a reader that throws {@link MerkleError} `malformed-tile` for content of a wrong length.
 */
export function tileHashReader(options: {
  size: number;
  readTile: (path: string) => Uint8Array | Promise<Uint8Array>;
}): HashReader {
  const { size, readTile } = options;
  assertTreeSize(size);
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const count = 2 ** (level % TILE_HEIGHT);
    const first = (index * count) % TILE_WIDTH;
    const tileIndex = Math.floor((index * count) / TILE_WIDTH);
    const hashesInLevel = Math.floor(size / TILE_WIDTH ** tileLevel);
    const width = Math.min(TILE_WIDTH, hashesInLevel - tileIndex * TILE_WIDTH);
    const bytes = await readTile(tilePath({ level: tileLevel, index: tileIndex, width }));
    return treeRoot(decodeHashTile(bytes, width).slice(first, first + count));
  };
}

function tileFile(level: number, { index, hashes }: { index: number; hashes: readonly Buffer[] }): TileFile {
  return { path: tilePath({ level, index, width: hashes.length }), bytes: encodeHashTile(hashes) };
}
