import { lengthPrefixed } from "@cinnabar/crypto";
import type { KeyVersionId } from "@cinnabar/kernel";
import { z } from "zod";

/** Names and values that are authenticated with a ciphertext and not stored: to decrypt it they must be given again. */
export type EncryptionContext = ReadonlyMap<string, string>;

/** Longest context, in characters of its JSON (Alibaba Cloud KMS, "EncryptionContext"). */
const MAX_CONTEXT_CHARACTERS = 8192;

const LABEL = "cinnabar ciphertext blob v1";
const NO_CONTEXT: EncryptionContext = new Map();

export const encryptionContext: z.ZodType<EncryptionContext> = z
  .custom<EncryptionContext>(isMapOfText, "It must be a JSON object of strings, in Unicode text.")
  .refine((context) => JSON.stringify(Object.fromEntries(context)).length <= MAX_CONTEXT_CHARACTERS, {
    error: `Its JSON must have at most ${MAX_CONTEXT_CHARACTERS} characters.`,
  });

function isMapOfText(value: unknown): boolean {
  if (!(value instanceof Map)) return false;
  for (const [name, text] of value) {
    if (!isText(name) || !isText(text)) return false;
  }
  return true;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.isWellFormed();
}

/**
 * The associated data of a ciphertext: the length-prefixed list of a label, the key version's id, and the context's
 * names, each followed by its value, sorted by UTF-16 code units. No two contexts share one, unlike the cloud's own
 * `name=value&name=value`. No context and an empty one are the same.
 *
 * @throws RangeError if the context is no Unicode text.
 */
export function associatedData(versionId: KeyVersionId, context: EncryptionContext = NO_CONTEXT): Buffer {
  const parts: string[] = [LABEL, versionId];
  for (const name of [...context.keys()].toSorted()) parts.push(name, context.get(name) ?? "");
  return lengthPrefixed(parts);
}
