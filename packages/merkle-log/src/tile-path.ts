import { MerkleError } from "./merkle-error.ts";
import { assertTreeSize } from "./tree-size.ts";

/** Hashes in a full tile, and entries in a full bundle (C2SP tlog-tiles, "Merkle Tree"). */
export const TILE_WIDTH = 256;

/** Tree levels that one tile spans: 2^8 = 256. */
export const TILE_HEIGHT = 8;

const MAX_LEVEL = 63;
const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** Names a hash tile or an entry bundle (C2SP tlog-tiles). */
export interface TileId {
  /** 0 to 63, 0 being the leaf hashes; or `"entries"` for a bundle of entries. */
  readonly level: number | "entries";
  /** Position within the level, from 0. */
  readonly index: number;
  /** Hashes or entries in it: 256, or 1 to 255 in the last, partial one. */
  readonly width: number;
}

/**
 * The path of a tile below a log's prefix: `tile/<L>/<N>[.p/<W>]`, index 1234067 written as `x001/x234/067`.
 *
 * @throws RangeError for a tile that cannot be.
 */
export function tilePath(tile: TileId): string {
  const { level, index, width } = tile;
  if (!canExist(tile)) throw new RangeError(`there is no tile ${index} of level ${level} and width ${width}`);
  const digits = `${index}`;
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g) ?? [];
  const grouped = groups.map((group, position) => (position < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${grouped}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** @throws {@link MerkleError} `malformed-tile` unless {@link tilePath} writes exactly this path. */
export function parseTilePath(path: string): TileId {
  const [, level = "", index = "", width = `${TILE_WIDTH}`] = PATH.exec(path) ?? [];
  const tile: TileId = {
    level: level === "entries" ? level : Number(level),
    index: Number(index.replaceAll(/[x/]/g, "")),
    width: Number(width),
  };
  if (!canExist(tile) || tilePath(tile) !== path) throw new MerkleError("malformed-tile", "not the path of a tile");
  return tile;
}

/** The hash tiles of a tree of `size` leaves, level by level, the partial one of a level last. Lazy. */
export function* tilesForSize(size: number): Generator<TileId & { readonly level: number }> {
  assertTreeSize(size);
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / TILE_WIDTH)) {
    for (let start = 0; start < hashes; start += TILE_WIDTH) {
      yield { level, index: start / TILE_WIDTH, width: Math.min(TILE_WIDTH, hashes - start) };
    }
  }
}

function canExist({ level, index, width }: TileId): boolean {
  return (
    (level === "entries" || isBetween(level, 0, MAX_LEVEL)) &&
    isBetween(index, 0, Number.MAX_SAFE_INTEGER) &&
    isBetween(width, 1, TILE_WIDTH)
  );
}

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
