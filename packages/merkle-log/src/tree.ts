import { Frontier } from "./frontier.ts";
import { assertHash, EMPTY_ROOT, nodeHash } from "./hash.ts";
import { assertTreeSize, splitPoint, subtreeLevels } from "./tree-size.ts";

/**
 * Reads the root of a complete subtree: the one of 2^level leaves from leaf index × 2^level on (level 0: a leaf hash).
 * Asked only for subtrees that lie within the tree in question; several reads may be under way at once.
 */
export type HashReader = (level: number, index: number) => Uint8Array | Promise<Uint8Array>;

/** Leaves `start` (included) to `end` (excluded); `start` is a multiple of every power of two not above the length. */
interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Root of the tree over these leaf hashes (RFC 6962 section 2.1). */
export function treeRoot(leafHashes: readonly Uint8Array[]): Buffer {
  return Frontier.empty().append(leafHashes).root();
}

/** A reader over leaf hashes in memory. It hashes subtrees anew at each read. */
export function leafHashReader(leafHashes: readonly Uint8Array[]): HashReader {
  return (level, index) => {
    const width = 2 ** level;
    return treeRoot(leafHashes.slice(index * width, (index + 1) * width));
  };
}

/** Root of the tree of the first `size` leaves. */
export async function rootAt(reader: HashReader, size: number): Promise<Buffer> {
  assertTreeSize(size);
  return size === 0 ? Buffer.from(EMPTY_ROOT) : rangeRoot(reader, { start: 0, end: size });
}

/**
 * Proof that leaf `index` is in the tree of `size` leaves: hashes from the leaf upwards (RFC 6962 section 2.1.1).
 *
 * @throws RangeError unless 0 <= index < size.
 */
export async function inclusionProof(
  reader: HashReader,
  { index, size }: { index: number; size: number },
): Promise<Buffer[]> {
  return rangeRoots(reader, siblingRanges({ index, size }));
}

/** Makes the proof of {@link inclusionProof} from the leaf hashes as they pass by, in constant memory. */
export class InclusionProver {
  readonly #size: number;
  /** What each hash of the proof covers, from the leaf upwards. */
  readonly #siblings: { readonly range: LeafRange; frontier: Frontier }[];
  #seen = 0;

  /** @throws RangeError unless 0 <= index < size. */
  constructor({ index, size }: { index: number; size: number }) {
    this.#size = size;
    this.#siblings = siblingRanges({ index, size }).map((range) => ({ range, frontier: Frontier.empty() }));
  }

  /** Whether all leaves of the tree have passed. */
  get isComplete(): boolean {
    return this.#seen === this.#size;
  }

  /** Takes the next leaf hashes, from the log's first; those after the tree are ignored. */
  add(leafHashes: readonly Uint8Array[]): void {
    for (const sibling of this.#siblings) {
      const { start, end } = sibling.range;
      const [from, to] = [Math.max(0, start - this.#seen), end - this.#seen];
      if (to > 0 && from < leafHashes.length) sibling.frontier = sibling.frontier.append(leafHashes.slice(from, to));
    }
    this.#seen = Math.min(this.#size, this.#seen + leafHashes.length);
  }

  /** @throws RangeError unless {@link InclusionProver.isComplete}. */
  finish(): Buffer[] {
    if (!this.isComplete) throw new RangeError(`${this.#seen} of ${this.#size} leaves make no proof`);
    return this.#siblings.map(({ frontier }) => frontier.root());
  }
}

/**
 * Proof that the tree of `olderSize` leaves is a prefix of the tree of `newerSize` leaves (RFC 6962 section 2.1.2).
 * Empty where that needs no proof: from the empty tree, and between equal sizes.
 *
 * @throws RangeError unless 0 <= olderSize <= newerSize.
 */
export async function consistencyProof(
  reader: HashReader,
  { olderSize, newerSize }: { olderSize: number; newerSize: number },
): Promise<Buffer[]> {
  assertTreeSize(olderSize);
  assertTreeSize(newerSize);
  if (olderSize > newerSize) throw new RangeError(`a tree of ${newerSize} leaves has no prefix of ${olderSize}`);
  if (olderSize === 0) return [];
  const ranges: LeafRange[] = [];
  let [start, end] = [0, newerSize];
  while (end > olderSize) {
    const middle = start + splitPoint(end - start);
    if (olderSize <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // A subtree from leaf 0 that ends with the older tree is that tree itself: the verifier knows its root.
  if (start > 0) ranges.push({ start, end });
  return rangeRoots(reader, ranges.toReversed());
}

/** The subtrees beside the way from a leaf to the root, from the leaf upwards. */
function siblingRanges({ index, size }: { index: number; size: number }): LeafRange[] {
  assertTreeSize(size);
  if (!Number.isInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`no leaf ${index} in a tree of ${size} leaves`);
  }
  const siblings: LeafRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      siblings.push({ start: middle, end });
      end = middle;
    } else {
      siblings.push({ start, end: middle });
      start = middle;
    }
  }
  return siblings.toReversed();
}

async function rangeRoots(reader: HashReader, ranges: readonly LeafRange[]): Promise<Buffer[]> {
  return Promise.all(ranges.map((range) => rangeRoot(reader, range)));
}

async function rangeRoot(reader: HashReader, { start, end }: LeafRange): Promise<Buffer> {
  let next = start;
  const subtrees = await Promise.all(
    subtreeLevels(end - start).map(async (level) => {
      const index = next / 2 ** level;
      next += 2 ** level;
      return reader(level, index);
    }),
  );
  subtrees.forEach(assertHash);
  return Buffer.from(subtrees.reduceRight((right, left) => nodeHash(left, right)));
}
