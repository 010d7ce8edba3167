import { ApiError, type ErrorCode, ERRORS, invalidParameter } from "@cinnabar/kernel";
import { z } from "zod";
import { isTagKey, isTagValue, MAX_TAGS, TAG_KEY_ADVICE, TAG_VALUE_ADVICE, type Tags } from "./tag.ts";

/** A numbered list of tags, each with the fields Key and Value, as it was sent. */
export type TagRecords = readonly ReadonlyMap<string, string>[];

export const tagRecords: z.ZodType<TagRecords> = z
  .array(z.map(z.string(), z.string()))
  .max(MAX_TAGS, `There must be at most ${MAX_TAGS} tags.`);

/** A tag that is looked for; without a value any will do. */
export interface WantedTag {
  readonly key: string;
  readonly value: string | undefined;
}

/**
 * Tags to be given to a resource. One without a value has an empty one.
 *
 * @throws {@link ApiError} `InvalidParameter.TagKey`, `InvalidParameter.TagValue` or `Duplicate.TagKey`.
 */
export function toTags(records: TagRecords): Tags {
  const tags = new Map<string, string>();
  for (const [index, fields] of records.entries()) {
    const [key, value] = [fields.get("Key") ?? "", fields.get("Value") ?? ""];
    if (!isTagKey(key)) throw advised("InvalidParameter.TagKey", `Tag.${index + 1}.Key: ${TAG_KEY_ADVICE}`);
    if (!isTagValue(value)) throw advised("InvalidParameter.TagValue", `Tag.${index + 1}.Value: ${TAG_VALUE_ADVICE}`);
    if (tags.has(key)) throw new ApiError("Duplicate.TagKey");
    tags.set(key, value);
  }
  return tags;
}

/**
 * Tags to be looked for.
 *
 * @throws {@link ApiError} `InvalidParameter` or `Duplicate.TagKey`.
 */
export function toWantedTags(records: TagRecords): readonly WantedTag[] {
  const wanted = new Map<string, WantedTag>();
  for (const [index, fields] of records.entries()) {
    const [key, value] = [fields.get("Key") ?? "", fields.get("Value")];
    if (!isTagKey(key)) throw invalidParameter(`Tag.${index + 1}.Key`, TAG_KEY_ADVICE);
    if (value !== undefined && !isTagValue(value)) throw invalidParameter(`Tag.${index + 1}.Value`, TAG_VALUE_ADVICE);
    if (wanted.has(key)) throw new ApiError("Duplicate.TagKey");
    wanted.set(key, { key, value });
  }
  return [...wanted.values()];
}

function advised(code: ErrorCode, advice: string): ApiError {
  return new ApiError(code, `${ERRORS[code].message} ${advice}`);
}
