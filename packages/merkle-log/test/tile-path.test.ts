import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseTilePath, type TileId, tilePath, tilesForSize } from "../src/index.ts";

const malformed = { name: "MerkleError", code: "malformed-tile" };

test("writes and parses paths as the specification's examples have them", () => {
  const examples: [string, TileId][] = [
    ["tile/0/x001/x234/067", { level: 0, index: 1_234_067, width: 256 }],
    ["tile/0/x001/x234/067.p/8", { level: 0, index: 1_234_067, width: 8 }],
    ["tile/63/000", { level: 63, index: 0, width: 256 }],
    ["tile/1/001.p/255", { level: 1, index: 1, width: 255 }],
    ["tile/entries/999", { level: "entries", index: 999, width: 256 }],
    ["tile/entries/x001/000.p/1", { level: "entries", index: 1000, width: 1 }],
  ];
  for (const [path, tile] of examples) {
    assert.equal(tilePath(tile), path);
    assert.deepEqual(parseTilePath(path), tile);
  }
});

test("parses every path that it writes", () => {
  const tiles: fc.Arbitrary<TileId> = fc.record(
    {
      level: fc.oneof(fc.nat(63), fc.constant("entries" as const)),
      index: fc.oneof(fc.nat(3000), fc.maxSafeNat()),
      width: fc.integer({ min: 1, max: 256 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(tiles, (tile) => assert.deepEqual(parseTilePath(tilePath(tile)), tile)));
});

test("refuses every other path", () => {
  const wrong = [
    "",
    "tile/0/1",
    "tile/0/x001",
    "tile/0/x000/001",
    "tile/0/123/456/078",
    "tile/0/x123/x456/x078",
    "tile/00/001",
    "tile/64/001",
    "tile/-1/001",
    "tile/data/001",
    "tile/0/001.p/0",
    "tile/0/001.p/05",
    "tile/0/001.p/256",
    "tile/0/001.p/",
    "tile/0/001/",
    "/tile/0/001",
    "tile/0/001\n",
    "tile/0/../001",
    `tile/0/${"x999/".repeat(6)}999`,
  ];
  for (const path of wrong) assert.throws(() => parseTilePath(path), malformed, path);
});

test("refuses to name tiles that cannot be", () => {
  const good: TileId = { level: 0, index: 0, width: 1 };
  for (const bad of [
    { level: 64 },
    { level: -1 },
    { level: 0.5 },
    { index: -1 },
    { index: 2 ** 53 },
    { width: 0 },
    { width: 257 },
  ]) {
    assert.throws(() => tilePath({ ...good, ...bad }), RangeError);
  }
});

test("lists the specification's tiles for 70,000 and for 256 leaves", () => {
  const tiles = [...tilesForSize(70_000)];
  const full = tiles.filter(({ width }) => width === 256);
  assert.deepEqual(
    [0, 1, 2].map((level) => full.filter((tile) => tile.level === level).length),
    [273, 1, 0],
  );
  assert.deepEqual(
    tiles.filter(({ width }) => width < 256),
    [
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ],
  );
  assert.deepEqual([...tilesForSize(256)].map(tilePath), ["tile/0/000", "tile/1/000.p/1"]);
  assert.deepEqual([...tilesForSize(0)], []);
});
