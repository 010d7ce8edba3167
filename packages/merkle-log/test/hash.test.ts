import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { EMPTY_ROOT, leafHash, nodeHash } from "../src/index.ts";
import { eightLeaves } from "./vectors.ts";

test("hashes the published leaves and the empty tree", () => {
  assert.deepEqual(eightLeaves.leaves.map(leafHash), eightLeaves.leafHashes);
  assert.deepEqual(EMPTY_ROOT, eightLeaves.roots[0]);
});

test("hashes a leaf as SHA-256 of a zero byte and the entry", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9000 }), (entry) => {
      assert.deepEqual(leafHash(entry), createHash("sha256").update(Buffer.of(0)).update(entry).digest());
    }),
  );
});

test("hashes a node as SHA-256 of a one byte and both children", () => {
  const [left, right] = eightLeaves.leafHashes;
  assert.deepEqual(nodeHash(left!, right!), eightLeaves.roots[2]);
});

test("refuses children of a node that are not hashes", () => {
  assert.throws(() => nodeHash(EMPTY_ROOT, EMPTY_ROOT.subarray(1)), RangeError);
  assert.throws(() => nodeHash(Buffer.alloc(33), EMPTY_ROOT), RangeError);
});
