import { EntryBundleBuilder, leafHash, TileBuilder, type TileFile } from "@cinnabar/merkle-log";

/**
 * The files of a log in the layout of C2SP tlog-tiles, made from its entries in order. Holds one unfinished tile a
 * level, and one unfinished bundle.
 */
export class TreeFiles {
  readonly #tiles = new TileBuilder();
  readonly #bundles = new EntryBundleBuilder();
  #size = 0;

  /** Number of entries added so far. */
  get size(): number {
    return this.#size;
  }

  /** Takes the next entry, without a copy, and returns the files it completed. @throws MerkleError `entry-too-large`. */
  add(entry: Uint8Array): TileFile[] {
    const bundle = this.#bundles.add(entry);
    const tiles = this.#tiles.add(leafHash(entry));
    this.#size += 1;
    return bundle === undefined ? tiles : [bundle, ...tiles];
  }

  /** The partial files of the log as it is now: who knows its head at this size needs them too. */
  partial(): TileFile[] {
    const bundle = this.#bundles.finish();
    const tiles = this.#tiles.finish();
    return bundle === undefined ? tiles : [bundle, ...tiles];
  }
}
