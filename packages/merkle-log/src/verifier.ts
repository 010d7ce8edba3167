import { Frontier } from "./frontier.ts";
import { EMPTY_ROOT, equalHashes, HASH_BYTES, leafHash } from "./hash.ts";
import type { TreeHead } from "./tree-head.ts";

/** Findings that a report keeps; the rest is counted. One early change makes every later head differ. */
const MAX_FINDINGS = 1000;

/** Leaf hashes collected before they are appended, so that verifying takes constant memory. */
const APPEND_CHUNK = 1024;

/** A stored entry: its bytes, with the leaf hash if that is stored too; or the leaf hash alone, the bytes dropped. */
export type StoredEntry =
  | { readonly entry: Uint8Array; readonly leafHash?: Uint8Array | undefined }
  | { readonly entry?: undefined; readonly leafHash: Uint8Array };

/**
 * What is wrong with a log, by kind:
 * - `leaf-mismatch`: the entry at `position` does not hash to the leaf hash stored with it;
 * - `malformed-leaf-hash`: the leaf hash stored at `position` is not 32 bytes;
 * - `root-mismatch`: the first `position` entries do not hash to the root that a head of that size claims;
 * - `misplaced-head`: a head stored after `position` entries claims another size;
 * - `truncated`: a checkpoint covers more entries than the `position` entries that there are.
 */
export type FindingKind = "leaf-mismatch" | "malformed-leaf-hash" | "root-mismatch" | "misplaced-head" | "truncated";

/** One problem of a log. */
export interface Finding {
  readonly kind: FindingKind;
  /** Index of the entry for the two kinds about leaves, otherwise a number of entries. */
  readonly position: number;
  /** A sentence for people; holds hashes and positions, nothing of the entries. */
  readonly detail: string;
}

/** The outcome of verifying a log: without findings it is sound as far as {@link LogReport.verifiedSize}. */
export interface LogReport {
  /** Entries seen, and the root over them. */
  readonly size: number;
  readonly root: Buffer;
  /** Size of the largest checkpoint whose root was right; no checkpoint vouches for the entries after it. */
  readonly verifiedSize: number;
  /** In the order of discovery, the first 1,000 of them. */
  readonly findings: readonly Finding[];
  readonly omittedFindings: number;
}

/**
 * Recomputes a log from its entries, given in order, and compares it with every head it is shown. Constant memory,
 * apart from the checkpoints. It trusts its checkpoints: open them with `openCheckpoint` first.
 */
export class LogVerifier {
  readonly #checkpoints: readonly TreeHead[];
  readonly #findings: Finding[] = [];
  #omittedFindings = 0;
  #nextCheckpoint = 0;
  #frontier: Frontier;
  #pending: Uint8Array[] = [];
  #verifiedSize = 0;
  #agreedSize: number;

  /**
   * @param checkpoints - heads to compare with, of any size and in any order.
   * @param start - what the log was before the first entry to come. Whether that is right is for another verifier.
   */
  constructor(checkpoints: readonly TreeHead[] = [], start: Frontier = Frontier.empty()) {
    this.#checkpoints = checkpoints.toSorted((a, b) => a.size - b.size);
    this.#frontier = start;
    this.#agreedSize = start.size;
    if (start.size > 0) this.#passCheckpoints();
    this.#compareCheckpoints();
  }

  /** The log as it is now. */
  get frontier(): Frontier {
    this.#appendPending();
    return this.#frontier;
  }

  /** Size of the largest checkpoint whose root was right, so far. */
  get verifiedSize(): number {
    return this.#verifiedSize;
  }

  /** Whether nothing was found wrong so far. */
  get isSound(): boolean {
    return this.#findings.length === 0;
  }

  /** Number of entries added so far. */
  get size(): number {
    return this.#frontier.size + this.#pending.length;
  }

  /** Takes the next entry. The caller may reuse its bytes. */
  add(stored: StoredEntry): void {
    this.#pending.push(this.#checkedLeafHash(stored));
    if (this.#pending.length >= APPEND_CHUNK) this.#appendPending();
    this.#compareCheckpoints();
  }

  /**
   * Compares with a head that is stored at this place in the log, such as that of a batch after the batch's entries.
   * Whoever can change the entries can change such a head too: it locates a change, but vouches for nothing.
   */
  expectHead(head: TreeHead): void {
    if (head.size === this.size) this.#compare(head);
    else this.#report("misplaced-head", this.size, `a head for ${head.size} entries stands after entry ${this.size}`);
  }

  /**
   * As {@link LogVerifier.expectHead}, for a head that is stored as an encoded frontier.
   *
   * @throws {@link MerkleError} `malformed-frontier`.
   */
  expectFrontier(encoded: Uint8Array): void {
    this.#appendPending();
    if (this.#frontier.isEncodedAs(encoded)) {
      this.#agreedSize = this.size;
      return;
    }
    const frontier = Frontier.decode(encoded);
    this.expectHead({ size: frontier.size, root: frontier.root() });
  }

  /**
   * Goes on after what another verifier has found right, which was shown the same checkpoints and began where this one
   * is now.
   */
  skip(verified: { readonly end: Frontier; readonly verifiedSize: number }): void {
    const { end, verifiedSize } = verified;
    this.#pending = [];
    this.#frontier = end;
    this.#agreedSize = end.size;
    this.#verifiedSize = Math.max(this.#verifiedSize, verifiedSize);
    this.#passCheckpoints();
  }

  /** Ends the log here: checkpoints not reached say that it was truncated. Call once. */
  finish(): LogReport {
    this.#appendPending();
    for (const { size } of this.#checkpoints.slice(this.#nextCheckpoint)) {
      this.#report("truncated", this.size, `a checkpoint covers ${size} entries, but there are only ${this.size}`);
    }
    return {
      size: this.size,
      root: this.#frontier.root(),
      verifiedSize: this.#verifiedSize,
      findings: this.#findings,
      omittedFindings: this.#omittedFindings,
    };
  }

  #checkedLeafHash(stored: StoredEntry): Uint8Array {
    const claimed = stored.leafHash;
    if (claimed !== undefined && claimed.length !== HASH_BYTES) {
      this.#report("malformed-leaf-hash", this.size, `the stored leaf hash has ${claimed.length} bytes`);
      // Any 32 bytes keep the later positions right; the root is wrong with all but one.
      return stored.entry === undefined ? EMPTY_ROOT : leafHash(stored.entry);
    }
    if (stored.entry === undefined) return Buffer.from(stored.leafHash);
    const actual = leafHash(stored.entry);
    if (claimed !== undefined && !equalHashes(actual, claimed)) {
      this.#report("leaf-mismatch", this.size, `the entry hashes to ${hex(actual)}, stored is ${hex(claimed)}`);
    }
    return actual;
  }

  /** Leaves the checkpoints up to here to the verifier of what came before. */
  #passCheckpoints(): void {
    const next = this.#checkpoints.findIndex(({ size }) => size > this.size);
    this.#nextCheckpoint = next === -1 ? this.#checkpoints.length : next;
  }

  #compareCheckpoints(): void {
    let next = this.#checkpoints[this.#nextCheckpoint];
    while (next?.size === this.size) {
      if (this.#compare(next)) this.#verifiedSize = next.size;
      this.#nextCheckpoint += 1;
      next = this.#checkpoints[this.#nextCheckpoint];
    }
  }

  #compare(head: TreeHead): boolean {
    this.#appendPending();
    const root = this.#frontier.root();
    const agrees = equalHashes(root, head.root);
    if (agrees) {
      this.#agreedSize = head.size;
    } else {
      this.#report(
        "root-mismatch",
        head.size,
        `the first ${head.size} entries hash to ${hex(root)}, not to ${hex(head.root)}; ` +
          `the last head that agrees is of ${this.#agreedSize} entries`,
      );
    }
    return agrees;
  }

  #appendPending(): void {
    this.#frontier = this.#frontier.append(this.#pending);
    this.#pending = [];
  }

  #report(kind: FindingKind, position: number, detail: string): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push({ kind, position, detail });
    else this.#omittedFindings += 1;
  }
}

/**
 * Verifies a whole log offline: {@link LogVerifier} over a source of entries. What the source throws is passed on.
 *
 * @param log.entries - all entries of the log in order, from the first.
 * @param log.checkpoints - heads to compare with, already opened; without any, only stored leaf hashes are checked.
 */
export async function verifyLog(log: {
  entries: AsyncIterable<StoredEntry> | Iterable<StoredEntry>;
  checkpoints: readonly TreeHead[];
}): Promise<LogReport> {
  const verifier = new LogVerifier(log.checkpoints);
  for await (const stored of log.entries) verifier.add(stored);
  return verifier.finish();
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString("hex");
}
