import { z } from "zod";

/** Whether every database can store the text: well-formed Unicode without U+0000, which PostgreSQL refuses. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Text that every database can store. */
export function storableText({ maxCharacters }: { readonly maxCharacters: number }): z.ZodType<string> {
  return z.string().max(maxCharacters, `It must have at most ${maxCharacters} characters.`).refine(isStorable, {
    error: "It must be Unicode text without the character U+0000.",
  });
}
