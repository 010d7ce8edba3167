import { type ErrorCode, isStorable } from "@cinnabar/kernel";
import { parsePolicy, type Policy, PolicyError } from "@cinnabar/policy";
import { z } from "zod";

/** Most characters of a document (Alibaba Cloud SDK, "CreatePolicy"). */
export const MAX_DOCUMENT_CHARACTERS = 6144;

/** A policy as it was sent, and what it says. */
export interface PolicyDocument {
  /** Kept and shown as it is. */
  readonly text: string;
  readonly policy: Policy;
}

/**
 * How a policy document is read: the schema, and which of two codes a wrong one gets. Its messages say where in the
 * document what was found, and what is allowed there.
 *
 * @param tooLong - the code of a document of more than {@link MAX_DOCUMENT_CHARACTERS}.
 */
export function documentParameter(
  kind: "identity" | "trust",
  tooLong: ErrorCode,
): { readonly schema: z.ZodType<PolicyDocument>; readonly refusedAs: (raw: unknown) => ErrorCode } {
  return {
    schema: z.string().transform((text, { issues }) => {
      const refusal = isTooLong(text)
        ? `It must have at most ${MAX_DOCUMENT_CHARACTERS} characters, and has ${text.length}.`
        : undefined;
      const read = refusal ?? readDocument(kind, text);
      if (typeof read !== "string") return read;
      issues.push({ code: "custom", input: text, message: read });
      return z.NEVER;
    }),
    refusedAs: (raw) => (isTooLong(raw) ? tooLong : "MalformedPolicyDocument"),
  };
}

function isTooLong(raw: unknown): boolean {
  return typeof raw === "string" && raw.length > MAX_DOCUMENT_CHARACTERS;
}

/** The policy, or what is wrong with it. */
function readDocument(kind: "identity" | "trust", text: string): PolicyDocument | string {
  if (!isStorable(text)) return "It must be Unicode text without the character U+0000.";
  try {
    return { text, policy: parsePolicy(text, kind) };
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
}
