import { assertHash, EMPTY_ROOT, HASH_BYTES, nodeHash } from "./hash.ts";
import { MerkleError } from "./merkle-error.ts";
import { assertTreeSize, subtreeLevels } from "./tree-size.ts";

const SIZE_BYTES = 8;

/** A complete subtree of 2^level leaves, linked to the next larger one on its left. */
interface Subtree {
  readonly level: number;
  readonly hash: Uint8Array;
  readonly larger: Subtree | undefined;
}

/**
 * The right edge of a tree: the roots of its complete subtrees, which is all that the root and further appends need.
 *
 * Immutable: {@link Frontier.append} makes a new one, so an append that did not become durable is simply forgotten.
 */
export class Frontier {
  /** Number of leaves, 0 to 2^53 - 1. */
  readonly size: number;
  readonly #smallest: Subtree | undefined;

  private constructor(size: number, smallest: Subtree | undefined) {
    this.size = size;
    this.#smallest = smallest;
  }

  /** The frontier of the tree without leaves. */
  static empty(): Frontier {
    return new Frontier(0, undefined);
  }

  /** @throws {@link MerkleError} `malformed-frontier` unless `bytes` is what {@link Frontier.encode} writes. */
  static decode(bytes: Uint8Array): Frontier {
    if (bytes.length < SIZE_BYTES) throw new MerkleError("malformed-frontier", "a frontier has at least 8 bytes");
    const buffer = Buffer.from(bytes);
    const size = Number(buffer.readBigUInt64BE());
    if (!Number.isSafeInteger(size)) {
      throw new MerkleError("malformed-frontier", "the size of a frontier is at most 2^53 - 1");
    }
    const levels = subtreeLevels(size);
    const expectedBytes = SIZE_BYTES + levels.length * HASH_BYTES;
    if (buffer.length !== expectedBytes) {
      throw new MerkleError(
        "malformed-frontier",
        `a frontier of ${size} leaves has ${expectedBytes} bytes, not ${buffer.length}`,
      );
    }
    let smallest: Subtree | undefined;
    levels.forEach((level, position) => {
      const start = SIZE_BYTES + position * HASH_BYTES;
      smallest = { level, hash: buffer.subarray(start, start + HASH_BYTES), larger: smallest };
    });
    return new Frontier(size, smallest);
  }

  /** Root of the tree (RFC 6962 section 2.1), 32 bytes, in a buffer of its own. */
  root(): Buffer {
    let root: Uint8Array | undefined;
    for (const { hash } of this.#subtrees()) {
      root = root === undefined ? hash : nodeHash(hash, root);
    }
    return Buffer.from(root ?? EMPTY_ROOT);
  }

  /**
   * The frontier after these leaf hashes, in order. This one stays as it is; the hashes are copied.
   *
   * @throws RangeError if a hash is not 32 bytes or the tree would exceed 2^53 - 1 leaves.
   */
  append(leafHashes: readonly Uint8Array[]): Frontier {
    const size = this.size + leafHashes.length;
    assertTreeSize(size);
    let smallest = this.#smallest;
    for (const leaf of leafHashes) {
      assertHash(leaf);
      let level = 0;
      let hash = leaf;
      while (smallest?.level === level) {
        hash = nodeHash(smallest.hash, hash);
        level += 1;
        smallest = smallest.larger;
      }
      smallest = { level, hash: level === 0 ? Buffer.from(leaf) : hash, larger: smallest };
    }
    return new Frontier(size, smallest);
  }

  /** u64be size, then the roots of the complete subtrees, largest first: 8 + 32 × (bits set in size) bytes. */
  encode(): Buffer {
    const hashes = [...this.#subtrees()].map(({ hash }) => hash).toReversed();
    const bytes = Buffer.alloc(SIZE_BYTES + hashes.length * HASH_BYTES);
    bytes.writeBigUInt64BE(BigInt(this.size));
    hashes.forEach((hash, position) => bytes.set(hash, SIZE_BYTES + position * HASH_BYTES));
    return bytes;
  }

  /** Whether `bytes` are what {@link Frontier.encode} writes: unlike comparing roots it takes no hashing. */
  isEncodedAs(bytes: Uint8Array): boolean {
    if (bytes.length < SIZE_BYTES) return false;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let end = buffer.length;
    for (let subtree = this.#smallest; subtree !== undefined; subtree = subtree.larger) {
      const start = end - HASH_BYTES;
      if (start < SIZE_BYTES || buffer.compare(subtree.hash, 0, HASH_BYTES, start, end) !== 0) return false;
      end = start;
    }
    return end === SIZE_BYTES && buffer.readBigUInt64BE() === BigInt(this.size);
  }

  *#subtrees(): Generator<Subtree> {
    for (let subtree = this.#smallest; subtree !== undefined; subtree = subtree.larger) yield subtree;
  }
}
