import type { ErrorCode } from "@cinnabar/kernel";
import { z } from "zod";

/** What a name of a kind may be (RAM, "Limits", and the SDK's remarks on each name). */
interface NameRule {
  readonly maxCharacters: number;
  readonly pattern: RegExp;
  /** The characters that the pattern takes, in words. */
  readonly characters: string;
}

const WITH_DOTS = { pattern: /^[A-Za-z0-9._-]+$/, characters: "letters, digits, periods, underscores and hyphens" };

const NAME_RULES = {
  user: { ...WITH_DOTS, maxCharacters: 64 },
  group: { ...WITH_DOTS, maxCharacters: 64 },
  mfa: { ...WITH_DOTS, maxCharacters: 64 },
  role: { pattern: /^[A-Za-z0-9.-]+$/, characters: "letters, digits, periods and hyphens", maxCharacters: 64 },
  policy: { pattern: /^[A-Za-z0-9-]+$/, characters: "letters, digits and hyphens", maxCharacters: 128 },
} as const satisfies Readonly<Record<string, NameRule>>;

/**
 * How a name of a kind is read: the schema, and which of the two codes a wrong one gets.
 *
 * @param codes - the parameter's own codes, such as `InvalidParameter.UserName.InvalidChars` and `….Length`.
 */
export function nameParameter(
  kind: keyof typeof NAME_RULES,
  codes: { readonly invalidChars: ErrorCode; readonly length: ErrorCode },
): { readonly schema: z.ZodType<string>; readonly refusedAs: (raw: unknown) => ErrorCode } {
  const { pattern, characters, maxCharacters } = NAME_RULES[kind];
  return {
    schema: z
      .string()
      .max(maxCharacters, `It must have 1 to ${maxCharacters} characters.`)
      .regex(pattern, `It must have only ${characters}.`),
    refusedAs: (raw) => (typeof raw === "string" && raw.length > maxCharacters ? codes.length : codes.invalidChars),
  };
}
