import { isId, type KeyVersionId } from "@cinnabar/kernel";
import { GCM_IV_BYTES, GCM_TAG_BYTES, type SealedGcm } from "./gcm.ts";

/**
 * What begins the ciphertext of the Advance operations: `$`, the format's version and padding (0), and the algorithm, 2 for
 * GCM. Alibaba's transfer clients take these three bytes off and put them on.
 */
const HEADER = Buffer.from([0x24, 0x00, 0x02]);
const VERSION_ID_BYTES = 36;
const IV_AT = HEADER.length + VERSION_ID_BYTES;
const BOX_AT = IV_AT + GCM_IV_BYTES;

/** A ciphertext that says which key version it is of, so that nothing but it and its additional data need be kept. */
export interface AdvanceBlob extends SealedGcm {
  readonly versionId: KeyVersionId;
}

/** Header 3 ‖ the key version's 36 ASCII bytes ‖ IV 12 ‖ ciphertext ‖ tag 16. */
export function encodeAdvanceBlob({ versionId, iv, box }: AdvanceBlob): Buffer {
  return Buffer.concat([HEADER, Buffer.from(versionId, "latin1"), iv, box]);
}

/** Gives `undefined` for what {@link encodeAdvanceBlob} cannot have given. */
export function decodeAdvanceBlob(blob: Buffer): AdvanceBlob | undefined {
  if (blob.length < BOX_AT + GCM_TAG_BYTES || !blob.subarray(0, HEADER.length).equals(HEADER)) return undefined;
  const versionId = blob.toString("latin1", HEADER.length, IV_AT);
  if (!isId("KeyVersion", versionId)) return undefined;
  return { versionId, iv: blob.subarray(IV_AT, BOX_AT), box: blob.subarray(BOX_AT) };
}
