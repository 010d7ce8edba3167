export { type Checkpoint, formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from "./checkpoint.ts";
export { decodeEntryBundle, encodeEntryBundle, EntryBundleBuilder, MAX_ENTRY_BYTES } from "./entry-bundle.ts";
export { Frontier } from "./frontier.ts";
export { EMPTY_ROOT, HASH_BYTES, leafHash, nodeHash } from "./hash.ts";
export { decodeHashTile, encodeHashTile, TileBuilder, type TileFile, tileHashReader } from "./hash-tiles.ts";
export { MerkleError, type MerkleErrorCode } from "./merkle-error.ts";
export { verifyConsistency, verifyInclusion } from "./proof.ts";
export { NoteSigner, NoteVerifier } from "./signed-note.ts";
export { parseTilePath, TILE_WIDTH, type TileId, tilePath, tilesForSize } from "./tile-path.ts";
export { formatTlogProof, parseTlogProof, type TlogProof, verifyTlogProof } from "./tlog-proof.ts";
export {
  consistencyProof,
  type HashReader,
  InclusionProver,
  inclusionProof,
  leafHashReader,
  rootAt,
  treeRoot,
} from "./tree.ts";
export type { TreeHead } from "./tree-head.ts";
export {
  type Finding,
  type FindingKind,
  type LogReport,
  LogVerifier,
  type StoredEntry,
  verifyLog,
} from "./verifier.ts";
