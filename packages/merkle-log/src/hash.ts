import { hash } from "node:crypto";

/** Length of every hash in the tree, in bytes: SHA-256. */
export const HASH_BYTES = 32;

/** Root of the tree with no leaves: SHA-256 of nothing (RFC 6962 section 2.1). Shared; do not write to it. */
export const EMPTY_ROOT: Buffer = sha256(new Uint8Array());

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;
/** The message of {@link nodeHash}, written anew for each. */
const node = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX);

/**
 * Hash of one log entry: SHA-256(0x00 ‖ entry) (RFC 6962 section 2.1). A string stands for its UTF-8 bytes.
 *
 * The result lies in Node's buffer pool: copy it before posting it to another thread, or the whole pool goes along.
 */
export function leafHash(entry: Uint8Array | string): Buffer {
  if (typeof entry === "string") return sha256(`\0${entry}`);
  const message = Buffer.allocUnsafe(1 + entry.length);
  message[0] = LEAF_PREFIX;
  message.set(entry, 1);
  return sha256(message);
}

/**
 * Hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 section 2.1). In the pool, as {@link leafHash} is.
 *
 * @throws RangeError if a child is not 32 bytes.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  assertHash(left);
  assertHash(right);
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return sha256(node);
}

export function assertHash(value: Uint8Array): void {
  if (value.length !== HASH_BYTES) throw new RangeError(`a hash is ${HASH_BYTES} bytes, not ${value.length}`);
}

export function equalHashes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function sha256(message: Uint8Array | string): Buffer {
  // A digest that comes as a string and lands in the pool takes half the time of one with an ArrayBuffer of its own.
  return Buffer.from(hash("sha256", message, "binary"), "latin1");
}
