import {
  EntryBundleBuilder,
  leafHash,
  type StoredEntry,
  TILE_WIDTH,
  TileBuilder,
  type TileFile,
} from "@cinnabar/merkle-log";

const BUNDLES = "tile/entries/";
/** What is left of bundles that lack an entry stands here, not where standard tools expect whole ones. */
const REMAINS = "remains/";
/** Stands for a dropped entry in such a bundle: no entry of a log is empty. */
const NO_ENTRY = Buffer.alloc(0);

/** Where the remains of the bundle at a path stand. */
export function remainsPath(bundlePath: string): string {
  return `${REMAINS}${bundlePath.slice(BUNDLES.length)}`;
}

/**
 * The files of a log in the layout of C2SP tlog-tiles, made from its entries in order, of some of which only the leaf
 * hash is there. Holds one unfinished tile a level, and one unfinished bundle.
 */
export class TreeFiles {
  readonly #tiles = new TileBuilder();
  readonly #bundles = new EntryBundleBuilder();
  #size = 0;
  /** Whether the unfinished bundle has all its entries so far. */
  #isWhole = true;
  #wholeFrom = 0;

  /** Number of entries added so far. */
  get size(): number {
    return this.#size;
  }

  /** Index of the first entry from which on every bundle is whole (C2SP tlog-tiles, "Pruning": minimum index). */
  get minimumIndex(): number {
    return this.#wholeFrom;
  }

  /** Takes the next entry, without a copy, and returns the files it completed. @throws MerkleError `entry-too-large`. */
  add({ entry, leafHash: hash }: StoredEntry): TileFile[] {
    if (entry === undefined) this.#isWhole = false;
    const bundle = this.#bundles.add(entry ?? NO_ENTRY);
    const tiles = this.#tiles.add(entry === undefined ? hash : leafHash(entry));
    this.#size += 1;
    if (!this.#isWhole) this.#wholeFrom = Math.ceil(this.#size / TILE_WIDTH) * TILE_WIDTH;
    if (bundle === undefined) return tiles;
    const files = [this.#placed(bundle), ...tiles];
    this.#isWhole = true;
    return files;
  }

  /** The partial files of the log as it is now: who knows its head at this size needs them too. */
  partial(): TileFile[] {
    const bundle = this.#bundles.finish();
    const tiles = this.#tiles.finish();
    return bundle === undefined ? tiles : [this.#placed(bundle), ...tiles];
  }

  #placed(bundle: TileFile): TileFile {
    return this.#isWhole ? bundle : { ...bundle, path: remainsPath(bundle.path) };
  }
}
