import { z } from "zod";
import { jsonText } from "../parameters/json-text.ts";

const MAX_TAGS = 20;
// Alibaba Cloud SDK, "CreateKey": at most 128 letters, digits and / \ _ - . + = : @
const TAG_KEY = /^(?!aliyun|acs:)[A-Za-z0-9/\\_\-.+=:@]{1,128}$/;
const TAG_VALUE = /^[A-Za-z0-9/\\_\-.+=:@]{0,128}$/;

const tag = z.object({ TagKey: z.string().regex(TAG_KEY), TagValue: z.string().regex(TAG_VALUE) });

/** The tags of something new, as a JSON array. */
export const tags: z.ZodType<readonly z.infer<typeof tag>[]> = jsonText(
  z
    .array(tag)
    .max(MAX_TAGS)
    .refine((all) => new Set(all.map(({ TagKey }) => TagKey)).size === all.length),
  `It must be a JSON array of at most ${MAX_TAGS} objects {"TagKey","TagValue"} with different keys. Keys and values have at most 128 letters, digits and / \\ _ - . + = : @, and a key begins with neither aliyun nor acs:.`,
);
