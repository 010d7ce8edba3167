import { z } from "zod";

const INTEGER = /^-?[0-9]{1,15}$/;

/** An integer written in decimal digits, from `min` to `max`. */
export function integerText({ min, max }: { readonly min: number; readonly max: number }): z.ZodType<number> {
  return z.string().transform((text, { issues }) => {
    const value = INTEGER.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    issues.push({ code: "custom", input: text, message: `It must be an integer from ${min} to ${max}.` });
    return z.NEVER;
  });
}

/** Text of at most so many characters that every database can store. */
export function boundedText(maxCharacters: number): z.ZodType<string> {
  return z
    .string()
    .max(maxCharacters, `It must have at most ${maxCharacters} characters.`)
    .refine(isStorable, { error: "It must be Unicode text without the character U+0000." });
}

/** Whether every database can store the text: well-formed Unicode without U+0000, which PostgreSQL refuses. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** One of the published values, in exactly this case. */
export function oneOf<const Value extends string>(values: readonly Value[]): z.ZodType<Value> {
  return z.enum(values, { error: `It must be one of ${values.join(", ")}.` });
}

/** A boolean, which the wire writes as `true` or `false`. */
export const flag: z.ZodType<boolean> = oneOf(["true", "false"]).transform((text) => text === "true");
