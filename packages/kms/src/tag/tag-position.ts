import { isId, type KeyId } from "@cinnabar/kernel";
import { z } from "zod";
import { isTagKey } from "./tag.ts";

/** Where a list of tags goes on: after this tag of this key. */
export interface TagPosition {
  readonly keyId: KeyId;
  readonly tagKey: string;
}

/** A NextToken: opaque to callers, yet only a place, so whoever makes one up learns nothing by it. */
export const nextToken: z.ZodType<TagPosition> = z.string().transform((token, { issues }) => {
  const text = Buffer.from(token, "base64url").toString();
  const slash = text.indexOf("/");
  const [keyId, tagKey] = [text.slice(0, Math.max(0, slash)), text.slice(slash + 1)];
  if (isId("Key", keyId) && isTagKey(tagKey) && encodePosition({ keyId, tagKey }) === token) return { keyId, tagKey };
  issues.push({ code: "custom", input: token, message: "It must be the NextToken of an earlier answer." });
  return z.NEVER;
});

export function encodePosition({ keyId, tagKey }: TagPosition): string {
  return Buffer.from(`${keyId}/${tagKey}`).toString("base64url");
}
