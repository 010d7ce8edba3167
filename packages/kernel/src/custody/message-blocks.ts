import type { KeyVersionId } from "../platform/ids.ts";
import { Lru } from "../platform/lru.ts";

/** Some 200 bytes each. Of a version that this process has not used for so long, what is left is lost: it counts as used. */
const MAX_VERSIONS = 100_000;

/**
 * Messages of the first block of a version; each further one has twice as many as the one before, up to the most. So what is
 * lost of a version is never more than what this process has encrypted with it since its first block, and one such block:
 * neither many starts nor others' versions, which take its place here, wear it out before it is used.
 */
const FIRST_BLOCK_MESSAGES = 2 ** 10;
const MAX_BLOCK_MESSAGES = 2 ** 18;

interface Reserved {
  left: number;
  /** How many messages the next block has. */
  nextBlock: number;
}

/**
 * How many messages this process may still encrypt under each key version whose random nonces are short: blocks of them are
 * reserved durably before they are used, so that all processes together, and those that were killed, stay within the limit.
 */
export class MessageBlocks {
  readonly #reserved: Lru<KeyVersionId, Reserved>;

  /** @param maxVersions - of how many versions blocks are kept, those used last: 100,000 by default. */
  constructor(maxVersions = MAX_VERSIONS) {
    this.#reserved = new Lru(maxVersions);
  }

  /** Counts a message that is about to be encrypted. @returns false if none is left: a block must be reserved before. */
  take(versionId: KeyVersionId): boolean {
    const reserved = this.#reserved.get(versionId);
    if (reserved === undefined || reserved.left === 0) return false;
    reserved.left--;
    return true;
  }

  /** Whether {@link MessageBlocks.take} would succeed. */
  has(versionId: KeyVersionId): boolean {
    return (this.#reserved.get(versionId)?.left ?? 0) > 0;
  }

  /** How many messages are to be reserved next, as far as there are so many. */
  nextBlock(versionId: KeyVersionId): number {
    return this.#reserved.get(versionId)?.nextBlock ?? FIRST_BLOCK_MESSAGES;
  }

  /** Takes over messages whose reservation is durable. */
  add(versionId: KeyVersionId, messages: number): void {
    const nextBlock = Math.min(MAX_BLOCK_MESSAGES, this.nextBlock(versionId) * 2);
    const left = (this.#reserved.get(versionId)?.left ?? 0) + messages;
    this.#reserved.set(versionId, { left, nextBlock });
  }
}
