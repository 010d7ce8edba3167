import { parseBase64 } from "./base64.ts";
import { assertHash, HASH_BYTES } from "./hash.ts";
import { MerkleError } from "./merkle-error.ts";
import type { NoteSigner, NoteVerifier } from "./signed-note.ts";
import type { TreeHead } from "./tree-head.ts";
import { assertTreeSize } from "./tree-size.ts";

/** A tree head with the name of its log (C2SP tlog-checkpoint). */
export interface Checkpoint extends TreeHead {
  /** Which log this is: one line of text, not empty. */
  readonly origin: string;
  /** Further lines, none of them empty. C2SP advises against them. */
  readonly extensions?: readonly string[];
}

/**
 * The text of a checkpoint: origin, size, root in base64, extensions, a line each (C2SP tlog-checkpoint, "Note text").
 *
 * @throws RangeError for an empty or broken line, a root that is not 32 bytes, a size outside 0 to 2^53 - 1.
 */
export function formatCheckpoint({ origin, size, root, extensions = [] }: Checkpoint): string {
  assertTreeSize(size);
  assertHash(root);
  const lines = [origin, `${size}`, Buffer.from(root).toString("base64"), ...extensions];
  if (lines.some((line) => line === "" || line.includes("\n"))) {
    throw new RangeError("a line of a checkpoint is not empty and has no newline");
  }
  return `${lines.join("\n")}\n`;
}

/**
 * The exact inverse of {@link formatCheckpoint}. The text proves nothing by itself: see {@link openCheckpoint}.
 *
 * @throws {@link MerkleError} `malformed-checkpoint` for any other text, and for a size above 2^53 - 1.
 */
export function parseCheckpoint(text: string): Required<Checkpoint> {
  const lines = text.split("\n");
  const [origin = "", decimal = "", encoded = "", ...extensions] = lines.slice(0, -1);
  if (lines.at(-1) !== "" || origin === "" || extensions.includes("")) {
    throw new MerkleError(
      "malformed-checkpoint",
      "a checkpoint has an origin, lines that are not empty, and a last newline",
    );
  }
  const size = Number(decimal);
  if (!/^(0|[1-9][0-9]*)$/.test(decimal) || !Number.isSafeInteger(size)) {
    throw new MerkleError("malformed-checkpoint", "the checkpoint's size is not a decimal number up to 2^53 - 1");
  }
  const root = parseBase64(encoded);
  if (root?.length !== HASH_BYTES) {
    throw new MerkleError("malformed-checkpoint", "the checkpoint's root is not the base64 of 32 bytes");
  }
  return { origin, size, root, extensions };
}

/** The checkpoint as a signed note. Throws what {@link formatCheckpoint} and {@link NoteSigner.sign} throw. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  return signer.sign(formatCheckpoint(checkpoint));
}

/**
 * The checkpoint that a signed note holds, once the verifier's key has vouched for it.
 *
 * @param expectedOrigin - the log the caller asks about. One key may sign for several logs: leave it out only to learn
 *   which.
 * @throws {@link MerkleError} as {@link NoteVerifier.verify} and {@link parseCheckpoint}; `origin-mismatch`.
 */
export function openCheckpoint(
  note: string | Uint8Array,
  verifier: NoteVerifier,
  expectedOrigin?: string,
): Required<Checkpoint> {
  const checkpoint = parseCheckpoint(verifier.verify(note));
  if (expectedOrigin !== undefined && checkpoint.origin !== expectedOrigin) {
    throw new MerkleError("origin-mismatch", `the checkpoint is of ${checkpoint.origin}, not of ${expectedOrigin}`);
  }
  return checkpoint;
}
