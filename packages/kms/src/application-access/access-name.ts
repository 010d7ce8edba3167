import { z } from "zod";

/** Longest name of a network rule, policy or access point, in characters. No limit is published. */
const MAX_NAME_CHARACTERS = 128;
/** Names that the console gives have a dot in them (Alibaba Cloud SDK, "CreatePolicy"). */
const NAME = /^[A-Za-z0-9_.-]+$/;

const ADVICE = `It must be 1 to ${MAX_NAME_CHARACTERS} letters, digits, underscores, dots and hyphens.`;

/** The name of a network rule, policy or access point. */
export const accessName: z.ZodType<string> = z.string().max(MAX_NAME_CHARACTERS, ADVICE).regex(NAME, ADVICE);

/** A JSON array of names, each once. */
export function nameList({ min, max }: { readonly min: number; readonly max: number }): z.ZodType<readonly string[]> {
  return z
    .array(accessName)
    .min(min)
    .max(max)
    .refine((names) => new Set(names).size === names.length);
}

/** Longest description of one of them, in characters. No limit is published: it is that of keys. */
export const MAX_DESCRIPTION_CHARACTERS = 8192;
