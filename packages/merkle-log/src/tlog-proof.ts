import { parseBase64 } from "./base64.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { assertHash, HASH_BYTES } from "./hash.ts";
import { MerkleError } from "./merkle-error.ts";
import { verifyInclusion } from "./proof.ts";
import type { NoteVerifier } from "./signed-note.ts";

/** First line of every proof, and the version of its format (C2SP tlog-proof, "Format"). */
const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const INDEX_LINE = /^index (0|[1-9][0-9]*)$/;
const EXTRA = "extra ";
/** A tree of 2^53 - 1 leaves has no longer way from a leaf to the root. */
const MAX_HASHES = 53;

/** That an entry is in a log, to be verified without the log (C2SP tlog-proof). */
export interface TlogProof {
  /** Position of the entry in the log, from 0. */
  readonly index: number;
  /** The inclusion proof, from the leaf's sibling upwards (RFC 6962 section 2.1.1). */
  readonly hashes: readonly Uint8Array[];
  /** The signed checkpoint as it is. */
  readonly checkpoint: string;
  /** What the application adds, not empty. Nothing vouches for it. */
  readonly extra?: Uint8Array | undefined;
}

/**
 * The proof as text; by convention a file ends in `.tlog-proof`.
 *
 * @throws RangeError for a negative or fractional index, a hash that is not 32 bytes, empty extra data.
 */
export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`${index} is not the index of an entry`);
  if (extra?.length === 0) throw new RangeError("extra data is not empty");
  hashes.forEach(assertHash);
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`${EXTRA}${base64(extra)}`]),
    `index ${index}`,
    ...hashes.map(base64),
    "",
    checkpoint,
  ];
  return lines.join("\n");
}

/**
 * The exact inverse of {@link formatTlogProof}. The text proves nothing by itself: see {@link verifyTlogProof}.
 *
 * @throws {@link MerkleError} `malformed-proof` for any other text.
 */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf("\n\n");
  if (end === -1) throw malformed("no empty line stands before its checkpoint");
  const lines = text.slice(0, end).split("\n");
  if (lines.shift() !== FIRST_LINE) throw malformed(`its first line is not ${FIRST_LINE}`);
  let extra: Buffer | undefined;
  if (lines[0]?.startsWith(EXTRA) === true) {
    extra = parseBase64(lines[0].slice(EXTRA.length));
    if (extra === undefined || extra.length === 0) throw malformed("its extra data is not base64");
    lines.shift();
  }
  const index = Number(INDEX_LINE.exec(lines.shift() ?? "")?.[1]);
  if (!Number.isSafeInteger(index)) throw malformed("it has no index up to 2^53 - 1");
  if (lines.length > MAX_HASHES) throw malformed(`it has more than ${MAX_HASHES} hashes`);
  const hashes = lines.map((line) => {
    const hash = parseBase64(line);
    if (hash?.length !== HASH_BYTES) throw malformed("a hash is not the base64 of 32 bytes");
    return hash;
  });
  return { index, hashes, checkpoint: text.slice(end + 2), ...(extra && { extra }) };
}

/**
 * Verifies that an entry stands at the proof's index of a log (C2SP tlog-proof, "Verifying a tlog proof").
 *
 * @param claim.leafHash - of the entry, computed by the caller from what it knows.
 * @param claim.origin - as for {@link openCheckpoint}.
 * @returns the checkpoint that vouches for it.
 * @throws {@link MerkleError} as {@link openCheckpoint} and {@link verifyInclusion}.
 */
export function verifyTlogProof(claim: {
  proof: TlogProof;
  leafHash: Uint8Array;
  verifier: NoteVerifier;
  origin?: string;
}): Required<Checkpoint> {
  const { proof, leafHash, verifier, origin } = claim;
  const head = openCheckpoint(proof.checkpoint, verifier, origin);
  verifyInclusion({ leafHash, index: proof.index, head, proof: proof.hashes });
  return head;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function malformed(reason: string): MerkleError {
  return new MerkleError("malformed-proof", `this is not a proof: ${reason}`);
}
