import { z } from "zod";

const VERSION_ID = /^v[1-9][0-9]{0,8}$/;

/** The id of a version, such as `v2`, as its number. */
export const versionId: z.ZodType<number> = z
  .string()
  .regex(VERSION_ID, "It must be v and a number, such as v2.")
  .transform((text) => Number(text.slice(1)));

/** Versions are numbered from 1; a number is given once, whatever is deleted. */
export function toVersionId(version: number): string {
  return `v${version}`;
}
