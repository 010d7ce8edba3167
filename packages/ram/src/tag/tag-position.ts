import { isStorable } from "@cinnabar/kernel";
import { z } from "zod";
import type { OwnedTag } from "./tag-repository.ts";

/** Where a list of tags goes on: after this tag of this role or policy. */
type TagPosition = Pick<OwnedTag, "name" | "key">;

/** A NextToken: opaque to callers, yet only a place, so whoever makes one up learns nothing by it. */
export const nextToken: z.ZodType<TagPosition> = z.string().transform((token, { issues }) => {
  const text = Buffer.from(token, "base64url").toString();
  // Names have no slash.
  const slash = text.indexOf("/");
  const position = { name: text.slice(0, Math.max(0, slash)), key: text.slice(slash + 1) };
  if (slash > 0 && isStorable(text) && encodePosition(position) === token) return position;
  issues.push({ code: "custom", input: token, message: "It must be the NextToken of an earlier answer." });
  return z.NEVER;
});

export function encodePosition({ name, key }: TagPosition): string {
  return Buffer.from(`${name}/${key}`).toString("base64url");
}
