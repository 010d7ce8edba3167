import { z } from "zod";

/** Text that every database can store: well-formed Unicode without U+0000, which PostgreSQL refuses. */
export function storableText({ maxCharacters }: { readonly maxCharacters: number }): z.ZodType<string> {
  return z
    .string()
    .max(maxCharacters, `It must have at most ${maxCharacters} characters.`)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), {
      error: "It must be Unicode text without the character U+0000.",
    });
}
