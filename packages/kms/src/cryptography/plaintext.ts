import { z } from "zod";

/** Most data that Encrypt takes, in bytes (Alibaba Cloud KMS, "Encrypt"). Larger data goes through a data key. */
export const MAX_PLAINTEXT_BYTES = 6144;

/** Bytes of the longest text that stands for so much data: its base64. */
export const MAX_PLAINTEXT_TEXT_BYTES = Math.ceil(MAX_PLAINTEXT_BYTES / 3) * 4;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The Plaintext of Encrypt. It is meant to be base64, but any text is taken, and it is the text itself that is
 * encrypted: the base64 of up to {@link MAX_PLAINTEXT_BYTES}, or as many bytes of something else.
 */
export const plaintextText: z.ZodType<string> = z.string().refine(isPlaintextText, {
  error: `It must be the base64 of at most ${MAX_PLAINTEXT_BYTES} bytes, or at most ${MAX_PLAINTEXT_BYTES} bytes of Unicode text.`,
});

function isPlaintextText(text: string): boolean {
  if (text.length > MAX_PLAINTEXT_TEXT_BYTES || !text.isWellFormed()) return false;
  return Buffer.byteLength(text) <= MAX_PLAINTEXT_BYTES || BASE64.test(text);
}
