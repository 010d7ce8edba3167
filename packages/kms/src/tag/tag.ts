import { jsonText } from "@cinnabar/kernel";
import { z } from "zod";

/** Tags by their keys. */
export type Tags = ReadonlyMap<string, string>;

/** Most tags of one resource (Alibaba Cloud SDK, "CreateKey" and "TagResources"). */
export const MAX_TAGS = 20;

/** Most characters of a tag's key, and of its value (Alibaba Cloud SDK, "CreateKey"). */
const MAX_CHARACTERS = 128;
const KEY = new RegExp(`^(?!aliyun|acs:)[A-Za-z0-9/\\\\_\\-.+=:@]{1,${MAX_CHARACTERS}}$`);
const VALUE = new RegExp(`^[A-Za-z0-9/\\\\_\\-.+=:@]{0,${MAX_CHARACTERS}}$`);

/** What {@link isTagKey} and {@link isTagValue} ask for, in words. */
export const TAG_KEY_ADVICE = `A tag's key has 1 to ${MAX_CHARACTERS} letters, digits and / \\ _ - . + = : @, and begins with neither aliyun nor acs:.`;
export const TAG_VALUE_ADVICE = `A tag's value has at most ${MAX_CHARACTERS} letters, digits and / \\ _ - . + = : @.`;

/** Whether there can be a tag of this key at all. */
export function isTagKey(text: string): boolean {
  return KEY.test(text);
}

export function isTagValue(text: string): boolean {
  return VALUE.test(text);
}

const tag = z.object({ TagKey: z.string().regex(KEY), TagValue: z.string().regex(VALUE) });

/** Tags as one JSON array, from `min` to `max` of them. */
export function tagsJson({ min, max }: { readonly min: number; readonly max: number }): z.ZodType<Tags> {
  return jsonText(
    z
      .array(tag)
      .min(min)
      .max(max)
      .transform((all, { issues }) => {
        const tags = new Map(all.map(({ TagKey, TagValue }) => [TagKey, TagValue]));
        if (tags.size === all.length) return tags;
        issues.push({ code: "custom", input: all, message: "A key occurs twice." });
        return z.NEVER;
      }),
    `It must be a JSON array of ${min} to ${max} objects {"TagKey","TagValue"} with different keys. ${TAG_KEY_ADVICE} ${TAG_VALUE_ADVICE}`,
  );
}

/** Keys of tags as one JSON array. There need not be such tags. */
export const tagKeysJson: z.ZodType<readonly string[]> = jsonText(
  z.array(z.string().min(1).max(MAX_CHARACTERS)).min(1),
  `It must be a JSON array of tag keys, each of 1 to ${MAX_CHARACTERS} characters.`,
);
