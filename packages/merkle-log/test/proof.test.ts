import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  consistencyProof,
  EMPTY_ROOT,
  InclusionProver,
  inclusionProof,
  leafHashReader,
  rootAt,
  type TreeHead,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "../src/index.ts";
import { mth, path, proof as referenceProof, sampleLeafHashes } from "./reference.ts";
import { eightLeaves } from "./vectors.ts";

const leaves = sampleLeafHashes(70);
const reader = leafHashReader(leaves);
const malformed = { name: "MerkleError", code: "malformed-proof" };
const mismatch = { name: "MerkleError", code: "root-mismatch" };
const refused = { name: "MerkleError" };
const stranger = Buffer.alloc(32, 0xab);

function head(size: number): TreeHead {
  return { size, root: mth(leaves.slice(0, size)) };
}

/** Every proof that differs from this one by one hash changed, dropped, added or moved. */
function corruptions(proof: readonly Uint8Array[]): Uint8Array[][] {
  const changed = proof.flatMap((hash, position) => [
    proof.with(position, stranger),
    proof.with(position, hash.subarray(1)),
    proof.toSpliced(position, 1),
    proof.toSpliced(position, 0, stranger),
  ]);
  return [...changed, [...proof, stranger], ...(proof.length > 1 ? [proof.toReversed()] : [])];
}

test("makes and verifies the published inclusion proofs", async () => {
  for (const { index, size, proof } of eightLeaves.inclusionProofs) {
    assert.deepEqual(await inclusionProof(leafHashReader(eightLeaves.leafHashes), { index, size }), proof);
    const published = { size, root: eightLeaves.roots[size]! };
    verifyInclusion({ leafHash: eightLeaves.leafHashes[index]!, index, head: published, proof });
  }
});

test("makes and verifies the published consistency proofs", async () => {
  for (const { olderSize, newerSize, proof } of eightLeaves.consistencyProofs) {
    const made = await consistencyProof(leafHashReader(eightLeaves.leafHashes), { olderSize, newerSize });
    assert.deepEqual(made, proof);
    verifyConsistency({
      older: { size: olderSize, root: eightLeaves.roots[olderSize]! },
      newer: { size: newerSize, root: eightLeaves.roots[newerSize]! },
      proof,
    });
  }
});

test("computes the reference's root at every size", async () => {
  for (let size = 0; size <= leaves.length; size += 1) {
    assert.deepEqual(await rootAt(reader, size), mth(leaves.slice(0, size)));
    assert.deepEqual(treeRoot(leaves.slice(0, size)), mth(leaves.slice(0, size)));
  }
});

test("makes the reference's inclusion proof of every leaf in every tree up to 40, and verifies it", async () => {
  for (let size = 1; size <= 40; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const proof = await inclusionProof(reader, { index, size });
      assert.deepEqual(proof, path(index, leaves.slice(0, size)));
      verifyInclusion({ leafHash: leaves[index]!, index, head: head(size), proof });
    }
  }
});

test("makes the reference's consistency proof between all trees up to 40, and verifies it", async () => {
  for (let newerSize = 1; newerSize <= 40; newerSize += 1) {
    for (let olderSize = 1; olderSize <= newerSize; olderSize += 1) {
      const proof = await consistencyProof(reader, { olderSize, newerSize });
      assert.deepEqual(proof, referenceProof(olderSize, leaves.slice(0, newerSize)));
      verifyConsistency({ older: head(olderSize), newer: head(newerSize), proof });
    }
  }
});

test("refuses an inclusion proof with any part changed", async () => {
  const cases = fc.integer({ min: 1, max: 70 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)));
  await fc.assert(
    fc.asyncProperty(cases, async ([size, index]) => {
      const proof = await inclusionProof(reader, { index, size });
      const claim = { leafHash: leaves[index]!, index, head: head(size), proof };
      assert.throws(() => verifyInclusion({ ...claim, leafHash: stranger }), mismatch);
      assert.throws(() => verifyInclusion({ ...claim, head: { size, root: stranger } }), mismatch);
      assert.throws(() => verifyInclusion({ ...claim, index: size }), malformed);
      assert.throws(() => verifyInclusion({ ...claim, index: -1 }), malformed);
      if (size > 1) assert.throws(() => verifyInclusion({ ...claim, index: (index + 1) % size }), refused);
      assert.throws(() => verifyInclusion({ ...claim, head: { ...head(size), size: size * 2 } }), malformed);
      for (const wrong of corruptions(proof)) assert.throws(() => verifyInclusion({ ...claim, proof: wrong }), refused);
    }),
    { numRuns: 60 },
  );
});

test("refuses a consistency proof with any part changed", async () => {
  const cases = fc
    .integer({ min: 2, max: 70 })
    .chain((newer) => fc.tuple(fc.integer({ min: 1, max: newer - 1 }), fc.constant(newer)));
  await fc.assert(
    fc.asyncProperty(cases, async ([olderSize, newerSize]) => {
      const proof = await consistencyProof(reader, { olderSize, newerSize });
      const claim = { older: head(olderSize), newer: head(newerSize), proof };
      assert.throws(() => verifyConsistency({ ...claim, older: { size: olderSize, root: stranger } }), mismatch);
      assert.throws(() => verifyConsistency({ ...claim, newer: { size: newerSize, root: stranger } }), mismatch);
      assert.throws(() => verifyConsistency({ ...claim, older: claim.newer, newer: claim.older }), malformed);
      assert.throws(() => verifyConsistency({ ...claim, proof: [] }), malformed);
      assert.throws(() => verifyConsistency({ ...claim, newer: { ...claim.newer, size: newerSize * 2 } }), refused);
      for (const wrong of corruptions(proof))
        assert.throws(() => verifyConsistency({ ...claim, proof: wrong }), refused);
    }),
    { numRuns: 60 },
  );
});

test("proves nothing, and wants no proof, between equal trees and from the empty one", async () => {
  const empty = { size: 0, root: EMPTY_ROOT };
  assert.deepEqual(await consistencyProof(reader, { olderSize: 0, newerSize: 9 }), []);
  assert.deepEqual(await consistencyProof(reader, { olderSize: 9, newerSize: 9 }), []);
  verifyConsistency({ older: empty, newer: empty, proof: [] });
  verifyConsistency({ older: empty, newer: head(9), proof: [] });
  verifyConsistency({ older: head(9), newer: head(9), proof: [] });
  const [nine, ten] = [head(9), head(10)];
  assert.throws(() => verifyConsistency({ older: nine, newer: nine, proof: [stranger] }), malformed);
  assert.throws(() => verifyConsistency({ older: empty, newer: nine, proof: [stranger] }), malformed);
  assert.throws(() => verifyConsistency({ older: nine, newer: { size: 9, root: ten.root }, proof: [] }), mismatch);
  assert.throws(() => verifyConsistency({ older: { size: 0, root: stranger }, newer: nine, proof: [] }), mismatch);
});

test("refuses an inclusion proof in the empty tree and heads that are none", () => {
  const claim = { leafHash: stranger, index: 0, proof: [] };
  assert.throws(() => verifyInclusion({ ...claim, head: { size: 0, root: EMPTY_ROOT } }), malformed);
  assert.throws(() => verifyInclusion({ ...claim, head: { size: 1, root: stranger.subarray(1) } }), malformed);
  assert.throws(() => verifyInclusion({ ...claim, head: { size: 1.5, root: stranger } }), malformed);
});

test("proves a leaf in a tree of 2^53 - 1 leaves", async () => {
  const size = Number.MAX_SAFE_INTEGER;
  const constant = (level: number): Buffer => Buffer.alloc(32, level);
  // All complete subtrees of a level are alike here; the leaf proved is the last, so that only its siblings matter.
  const root = await rootAt(constant, size);
  const proof = await inclusionProof(constant, { index: size - 1, size });
  verifyInclusion({ leafHash: constant(0), index: size - 1, head: { size, root }, proof });
});

test("refuses to prove what is not in the tree", async () => {
  await assert.rejects(inclusionProof(reader, { index: 5, size: 5 }), RangeError);
  await assert.rejects(inclusionProof(reader, { index: -1, size: 5 }), RangeError);
  await assert.rejects(consistencyProof(reader, { olderSize: 6, newerSize: 5 }), RangeError);
  await assert.rejects(rootAt(reader, 2 ** 53), RangeError);
});

test("refuses a reader's answer that is not a hash", async () => {
  await assert.rejects(
    rootAt(() => Buffer.alloc(31), 1),
    RangeError,
  );
});

test("makes the same inclusion proof from leaf hashes that pass by, however they are divided", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.array(fc.nat(40)), async (size, at, divisions) => {
      const index = at % size;
      const prover = new InclusionProver({ index, size });
      let seen = 0;
      for (const count of [...divisions, 70]) {
        assert.equal(prover.isComplete, seen >= size);
        if (!prover.isComplete) assert.throws(() => prover.finish(), RangeError);
        prover.add(leaves.slice(seen, seen + count));
        seen += count;
      }
      assert.equal(prover.isComplete, true);
      assert.deepEqual(prover.finish(), await inclusionProof(reader, { index, size }));
    }),
  );
});

test("refuses to prove a leaf that is not in the tree", () => {
  for (const leaf of [
    { index: 0, size: 0 },
    { index: 3, size: 3 },
    { index: -1, size: 3 },
    { index: 0.5, size: 3 },
  ]) {
    assert.throws(() => new InclusionProver(leaf), RangeError);
  }
});
