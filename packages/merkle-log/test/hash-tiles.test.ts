import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  consistencyProof,
  decodeHashTile,
  encodeHashTile,
  inclusionProof,
  leafHashReader,
  parseTilePath,
  rootAt,
  TileBuilder,
  tileHashReader,
  tilePath,
  tilesForSize,
  treeRoot,
} from "../src/index.ts";
import { mth, sampleLeafHashes } from "./reference.ts";

const malformed = { name: "MerkleError", code: "malformed-tile" };
const leaves = sampleLeafHashes(66_000);

function buildTiles(size: number): Map<string, Buffer> {
  const builder = new TileBuilder();
  const full = leaves.slice(0, size).flatMap((leaf) => builder.add(leaf));
  return new Map([...full, ...builder.finish()].map(({ path, bytes }) => [path, bytes]));
}

function readerOf(tiles: ReadonlyMap<string, Buffer>, size: number) {
  return tileHashReader({
    size,
    readTile: (path) => {
      const bytes = tiles.get(path);
      assert.ok(bytes, `reads ${path}, which a tree of ${size} leaves does not have`);
      return bytes;
    },
  });
}

test("builds exactly the tiles of the tree, each with the hashes that RFC 6962 defines", () => {
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 1000]) {
    const tiles = buildTiles(size);
    assert.deepEqual([...tiles.keys()].toSorted(), [...tilesForSize(size)].map(tilePath).toSorted());
    for (const [path, bytes] of tiles) {
      const { level, index, width } = parseTilePath(path);
      const span = 256 ** Number(level);
      const expected = Array.from({ length: width }, (_, position) => {
        const start = (index * 256 + position) * span;
        return mth(leaves.slice(start, start + span));
      });
      assert.deepEqual(decodeHashTile(bytes, width), expected);
    }
  }
});

test("builds a third level of tiles", () => {
  const tiles = buildTiles(leaves.length);
  assert.deepEqual([...tiles.keys()].toSorted(), [...tilesForSize(leaves.length)].map(tilePath).toSorted());
  assert.deepEqual(tiles.get("tile/2/000.p/1"), treeRoot(leaves.slice(0, 65_536)));
});

test("gives each full tile when its last leaf comes, and partial ones whenever asked", () => {
  const builder = new TileBuilder();
  for (const leaf of leaves.slice(0, 255)) assert.deepEqual(builder.add(leaf), []);
  assert.deepEqual(builder.finish(), [{ path: "tile/0/000.p/255", bytes: Buffer.concat(leaves.slice(0, 255)) }]);
  assert.deepEqual(builder.add(leaves[255]!), [{ path: "tile/0/000", bytes: Buffer.concat(leaves.slice(0, 256)) }]);
  assert.deepEqual(builder.finish(), [{ path: "tile/1/000.p/1", bytes: mth(leaves.slice(0, 256)) }]);
});

test("makes from tiles the proofs that it makes from leaves", async () => {
  const cases = fc
    .integer({ min: 1, max: 1500 })
    .chain((size) => fc.record({ size: fc.constant(size), index: fc.nat(size - 1), olderSize: fc.nat(size) }));
  await fc.assert(
    fc.asyncProperty(cases, async ({ size, index, olderSize }) => {
      const [fromTiles, fromLeaves] = [readerOf(buildTiles(size), size), leafHashReader(leaves)];
      assert.deepEqual(await rootAt(fromTiles, size), treeRoot(leaves.slice(0, size)));
      assert.deepEqual(
        await inclusionProof(fromTiles, { index, size }),
        await inclusionProof(fromLeaves, { index, size }),
      );
      const sizes = { olderSize, newerSize: size };
      assert.deepEqual(await consistencyProof(fromTiles, sizes), await consistencyProof(fromLeaves, sizes));
    }),
    { numRuns: 25 },
  );
  const size = leaves.length;
  assert.deepEqual(await rootAt(readerOf(buildTiles(size), size), size), treeRoot(leaves));
});

test("refuses a tile of another length", async () => {
  assert.throws(() => decodeHashTile(Buffer.alloc(33), 1), malformed);
  assert.throws(() => decodeHashTile(Buffer.alloc(32), 2), malformed);
  await assert.rejects(rootAt(tileHashReader({ size: 2, readTile: () => Buffer.alloc(32) }), 2), malformed);
});

test("refuses to encode what is not a tile", () => {
  assert.throws(() => encodeHashTile([]), RangeError);
  assert.throws(() => encodeHashTile(leaves.slice(0, 257)), RangeError);
  assert.throws(() => encodeHashTile([Buffer.alloc(31)]), RangeError);
  assert.throws(() => new TileBuilder().add(Buffer.alloc(31)), RangeError);
});
