/** What a {@link MerkleError} found wrong; callers branch on this, never on the message. */
export type MerkleErrorCode =
  | "malformed-frontier"
  | "malformed-proof"
  | "root-mismatch"
  | "malformed-note"
  | "malformed-verifier-key"
  | "unknown-signer"
  | "invalid-signature"
  | "malformed-checkpoint"
  | "origin-mismatch"
  | "malformed-tile"
  | "entry-too-large";

/** Data from outside is malformed or proves nothing. A caller's mistake is a `RangeError` or `TypeError` instead. */
export class MerkleError extends Error {
  readonly code: MerkleErrorCode;

  constructor(code: MerkleErrorCode, message: string) {
    super(message);
    this.name = "MerkleError";
    this.code = code;
  }
}
