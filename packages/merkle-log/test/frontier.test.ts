import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Frontier } from "../src/index.ts";
import { mth, sampleLeafHashes } from "./reference.ts";
import { eightLeaves } from "./vectors.ts";

const leaves = sampleLeafHashes(300);
const malformed = { name: "MerkleError", code: "malformed-frontier" };

test("has the published root at every size", () => {
  eightLeaves.roots.forEach((root, size) => {
    assert.deepEqual(Frontier.empty().append(eightLeaves.leafHashes.slice(0, size)).root(), root);
  });
});

test("has the reference's root however the leaves are divided into appends, and over encodings in between", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 7 }), (batches) => {
      let frontier = Frontier.empty();
      for (const batch of batches) {
        const next = frontier.append(leaves.slice(frontier.size, frontier.size + batch));
        frontier = Frontier.decode(next.encode());
        assert.deepEqual(frontier.encode(), next.encode());
      }
      assert.deepEqual(frontier.root(), mth(leaves.slice(0, frontier.size)));
    }),
  );
});

test("stays as it was when leaves are appended, also when the caller reuses the bytes", () => {
  const before = Frontier.empty().append(leaves.slice(0, 5));
  const encoded = before.encode();
  const reused = Buffer.from(leaves[5]!);
  const after = before.append([reused]);
  reused.fill(0);
  after.root().fill(0);
  assert.equal(before.size, 5);
  assert.deepEqual(before.encode(), encoded);
  assert.deepEqual(after.root(), mth(leaves.slice(0, 6)));
});

test("encodes the size and the complete subtrees, largest first", () => {
  const frontier = Frontier.empty().append(leaves.slice(0, 7));
  const size = Buffer.from("0000000000000007", "hex");
  const expected = [size, mth(leaves.slice(0, 4)), mth(leaves.slice(4, 6)), leaves[6]!];
  assert.deepEqual(frontier.encode(), Buffer.concat(expected));
  assert.deepEqual(Frontier.empty().encode(), Buffer.alloc(8));
});

test("encodes into memory of its own, so that posting it to a thread copies nothing else", () => {
  const encoded = Frontier.empty().append(leaves.slice(0, 3)).encode();
  assert.equal(encoded.buffer.byteLength, encoded.length);
});

test("reaches the largest size and not beyond", () => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(2n ** 53n - 2n);
  const nearlyFull = Frontier.decode(Buffer.concat([size, ...leaves.slice(0, 52)]));
  const full = nearlyFull.append([leaves[0]!]);
  assert.equal(full.size, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(Frontier.decode(full.encode()).root(), full.root());
  assert.throws(() => full.append([leaves[0]!]), RangeError);
});

test("refuses to decode what is not a frontier", () => {
  const encoded = Frontier.empty().append(leaves.slice(0, 6)).encode();
  const tooLarge = Buffer.alloc(8 + 32);
  tooLarge.writeBigUInt64BE(2n ** 53n);
  const wrong = [
    Buffer.alloc(0),
    Buffer.alloc(7),
    encoded.subarray(0, -1),
    Buffer.concat([encoded, Buffer.of(0)]),
    tooLarge,
  ];
  for (const bytes of wrong) assert.throws(() => Frontier.decode(bytes), malformed);
});

test("refuses leaf hashes of another length", () => {
  assert.throws(() => Frontier.empty().append([Buffer.alloc(31)]), RangeError);
});

test("knows its own encoding, and no other", () => {
  const sizes = [0, 1, 2, 3, 7, 8, 200];
  for (const size of sizes) {
    const frontier = Frontier.empty().append(leaves.slice(0, size));
    const encoded = frontier.encode();
    for (const other of sizes) {
      assert.equal(frontier.isEncodedAs(Frontier.empty().append(leaves.slice(0, other)).encode()), other === size);
    }
    for (let position = 0; position < encoded.length; position++) {
      const changed = Buffer.from(encoded);
      changed[position]! ^= 1;
      assert.equal(frontier.isEncodedAs(changed), false);
      assert.equal(frontier.isEncodedAs(encoded.subarray(0, position)), false);
    }
    assert.equal(frontier.isEncodedAs(Buffer.concat([encoded, Buffer.alloc(32)])), false);
  }
});
