import { equalHashes, EMPTY_ROOT, HASH_BYTES, nodeHash } from "./hash.ts";
import { MerkleError } from "./merkle-error.ts";
import type { TreeHead } from "./tree-head.ts";

/**
 * Verifies that the tree of `head` has `leafHash` at `index` (RFC 9162 section 2.1.3.2).
 *
 * @throws {@link MerkleError} `malformed-proof` if it has the wrong shape, `root-mismatch` if it leads elsewhere.
 */
export function verifyInclusion(claim: {
  leafHash: Uint8Array;
  index: number;
  head: TreeHead;
  proof: readonly Uint8Array[];
}): void {
  const { leafHash, index, head, proof } = claim;
  assertSize(head.size);
  assertHashes([leafHash, head.root, ...proof]);
  if (!Number.isInteger(index) || index < 0 || index >= head.size) {
    throw new MerkleError("malformed-proof", `no leaf ${index} in a tree of ${head.size} leaves`);
  }
  let root = leafHash;
  const path = new Path(index, head.size - 1);
  for (const sibling of proof) {
    root = path.climb() === "left" ? nodeHash(sibling, root) : nodeHash(root, sibling);
  }
  path.assertAtRoot();
  if (!equalHashes(root, head.root))
    throw new MerkleError("root-mismatch", "the inclusion proof leads to another root");
}

/**
 * Verifies that the tree of `older` is a prefix of the tree of `newer` (RFC 9162 section 2.1.4.2).
 *
 * For equal sizes, and for an empty older tree, the proof must be empty; the empty tree must have {@link EMPTY_ROOT}.
 *
 * @throws {@link MerkleError} `malformed-proof` if it has the wrong shape, `root-mismatch` if it leads elsewhere.
 */
export function verifyConsistency(claim: { older: TreeHead; newer: TreeHead; proof: readonly Uint8Array[] }): void {
  const { older, newer, proof } = claim;
  assertSize(older.size);
  assertSize(newer.size);
  assertHashes([older.root, newer.root, ...proof]);
  if (older.size > newer.size) {
    throw new MerkleError("malformed-proof", `a tree of ${newer.size} leaves has no prefix of ${older.size}`);
  }
  for (const { size, root } of [older, newer]) {
    if (size === 0 && !equalHashes(root, EMPTY_ROOT)) {
      throw new MerkleError("root-mismatch", "the empty tree has another root");
    }
  }
  if (older.size === 0 || older.size === newer.size) {
    if (proof.length > 0) throw new MerkleError("malformed-proof", "nothing to prove, yet the proof is not empty");
    if (older.size === newer.size && !equalHashes(older.root, newer.root)) {
      throw new MerkleError("root-mismatch", `two trees of ${older.size} leaves have different roots`);
    }
    return;
  }

  const path = new Path(older.size - 1, newer.size - 1);
  path.skipLeftTurns();
  // Where the older tree is one complete subtree, its root is where the path begins and the proof leaves it out.
  const [start, ...siblings] = path.isLeftmost ? [older.root, ...proof] : proof;
  if (start === undefined) throw new MerkleError("malformed-proof", "the proof is empty");
  let olderRoot = start;
  let newerRoot = start;
  for (const sibling of siblings) {
    if (path.climb() === "left") {
      olderRoot = nodeHash(sibling, olderRoot);
      newerRoot = nodeHash(sibling, newerRoot);
    } else {
      newerRoot = nodeHash(newerRoot, sibling);
    }
  }
  path.assertAtRoot();
  if (!equalHashes(olderRoot, older.root)) {
    throw new MerkleError("root-mismatch", "the consistency proof leads to another older root");
  }
  if (!equalHashes(newerRoot, newer.root)) {
    throw new MerkleError("root-mismatch", "the consistency proof leads to another newer root");
  }
}

/** The way from a node to the root: `fn` and `sn` of RFC 9162, the indices of the node and of the last on its level. */
class Path {
  #node: number;
  #last: number;

  constructor(node: number, last: number) {
    this.#node = node;
    this.#last = last;
  }

  get isLeftmost(): boolean {
    return this.#node === 0;
  }

  /** Climbs to the top of the complete subtree that ends with this node. */
  skipLeftTurns(): void {
    while (this.#node % 2 === 1) this.#ascend();
  }

  /** Climbs to where the next sibling of the proof joins, and says on which side it stands. */
  climb(): "left" | "right" {
    if (this.#last === 0) throw new MerkleError("malformed-proof", "the proof has too many hashes");
    const side = this.#node % 2 === 1 || this.#node === this.#last ? "left" : "right";
    if (side === "left") while (this.#node % 2 === 0 && this.#node > 0) this.#ascend();
    this.#ascend();
    return side;
  }

  assertAtRoot(): void {
    if (this.#last !== 0) throw new MerkleError("malformed-proof", "the proof has too few hashes");
  }

  #ascend(): void {
    this.#node = Math.floor(this.#node / 2);
    this.#last = Math.floor(this.#last / 2);
  }
}

function assertSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new MerkleError("malformed-proof", `${size} is not a tree size`);
  }
}

function assertHashes(hashes: readonly Uint8Array[]): void {
  const wrong = hashes.find(({ length }) => length !== HASH_BYTES);
  if (wrong !== undefined) {
    throw new MerkleError("malformed-proof", `a hash is ${HASH_BYTES} bytes, not ${wrong.length}`);
  }
}
