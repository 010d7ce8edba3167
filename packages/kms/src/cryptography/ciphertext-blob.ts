import { AES_GCM, XAES_256_GCM } from "@cinnabar/crypto";
import { invalidParameter, type KeyVersionId } from "@cinnabar/kernel";
import { z } from "zod";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { MAX_PLAINTEXT_TEXT_BYTES } from "./plaintext.ts";

/**
 * What Encrypt answers and Decrypt takes: the key version's 36 ASCII bytes ‖ nonce ‖ ciphertext ‖ tag 16, in base64. The nonce
 * has 24 bytes where the version's spec is Aliyun_AES_256, and 12 otherwise.
 */
export interface CiphertextBlob {
  /** Of the length of an id; nothing says yet that it is one. */
  readonly versionId: string;
  readonly box: Uint8Array;
}

const VERSION_ID_BYTES = 36;
const MIN_BYTES = VERSION_ID_BYTES + AES_GCM.nonceBytes + AES_GCM.tagBytes;
const MAX_BYTES = VERSION_ID_BYTES + XAES_256_GCM.nonceBytes + MAX_PLAINTEXT_TEXT_BYTES + XAES_256_GCM.tagBytes;
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
  return split(bytes);
}

function split(bytes: Buffer): CiphertextBlob {
  return { versionId: bytes.toString("latin1", 0, VERSION_ID_BYTES), box: bytes.subarray(VERSION_ID_BYTES) };
}

export const ciphertextBlob: z.ZodType<CiphertextBlob> = z.string().transform((text, { issues }) => {
  const blob = decodeCiphertextBlob(text);
  if (blob !== undefined) return blob;
  issues.push({ code: "custom", input: text, message: ADVICE });
  return z.NEVER;
});

/** Bytes that may be a blob, or what somebody encrypted with a public key. */
export const anyCiphertext: z.ZodType<Buffer> = base64Bytes({ max: MAX_BYTES });

/** @throws ApiError `InvalidParameter` if they cannot be a blob. */
export function toCiphertextBlob(bytes: Buffer): CiphertextBlob {
  if (bytes.length < MIN_BYTES) throw invalidParameter("CiphertextBlob", ADVICE);
  return split(bytes);
}
