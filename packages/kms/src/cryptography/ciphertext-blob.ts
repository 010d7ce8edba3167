import { XAES_256_GCM } from "@cinnabar/crypto";
import type { KeyVersionId } from "@cinnabar/kernel";
import { z } from "zod";
import { MAX_PLAINTEXT_TEXT_BYTES } from "./plaintext.ts";

/** What Encrypt answers and Decrypt takes: the key version's 36 ASCII bytes ‖ nonce 24 ‖ ciphertext ‖ tag 16, in base64. */
export interface CiphertextBlob {
  /** Of the length of an id; nothing says yet that it is one. */
  readonly versionId: string;
  readonly box: Uint8Array;
}

const VERSION_ID_BYTES = 36;
const MIN_BYTES = VERSION_ID_BYTES + XAES_256_GCM.nonceBytes + XAES_256_GCM.tagBytes;
const MAX_BYTES = MIN_BYTES + MAX_PLAINTEXT_TEXT_BYTES;
const MAX_CHARACTERS = Math.ceil(MAX_BYTES / 3) * 4;

const ADVICE = "It must be a CiphertextBlob as Encrypt or GenerateDataKey answered it.";

export function encodeCiphertextBlob(versionId: KeyVersionId, box: Uint8Array): string {
  const bytes = Buffer.allocUnsafe(VERSION_ID_BYTES + box.length);
  bytes.write(versionId, "latin1");
  bytes.set(box, VERSION_ID_BYTES);
  return bytes.toString("base64");
}

/** Gives `undefined` for what {@link encodeCiphertextBlob} cannot have given: every blob has one text only. */
export function decodeCiphertextBlob(text: string): CiphertextBlob | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  const bytes = Buffer.from(text, "base64");
  // The decoder skips what is not base64; encoding again shows that there was nothing to skip.
  if (bytes.length < MIN_BYTES || bytes.toString("base64") !== text) return undefined;
  return { versionId: bytes.toString("latin1", 0, VERSION_ID_BYTES), box: bytes.subarray(VERSION_ID_BYTES) };
}

export const ciphertextBlob: z.ZodType<CiphertextBlob> = z.string().transform((text, { issues }) => {
  const blob = decodeCiphertextBlob(text);
  if (blob !== undefined) return blob;
  issues.push({ code: "custom", input: text, message: ADVICE });
  return z.NEVER;
});
