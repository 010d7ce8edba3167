import { isStorable, jsonText, oneOf, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { MAX_KEY_CHARACTERS, MAX_TAGS, MAX_VALUE_CHARACTERS, TAGGED_TYPES, type Tags, type WantedTag } from "./tag.ts";

/** Most resources of one call. */
const MAX_RESOURCES = 50;

const tagKey = z
  .string()
  .min(1)
  .max(MAX_KEY_CHARACTERS)
  .regex(/^(?!aliyun|acs:)/)
  .refine(isStorable);
const tagValue = z.string().max(MAX_VALUE_CHARACTERS).refine(isStorable);

const ADVICE = `A key has 1 to ${MAX_KEY_CHARACTERS} characters and begins with neither aliyun nor acs:, a value has at most ${MAX_VALUE_CHARACTERS}.`;

const tagsJson: z.ZodType<Tags> = jsonText(
  z
    .array(z.object({ Key: tagKey, Value: tagValue.default("") }))
    .max(MAX_TAGS)
    .refine((tags) => new Set(tags.map(({ Key }) => Key)).size === tags.length)
    .transform((tags) => new Map(tags.map(({ Key, Value }) => [Key, Value]))),
  `It must be a JSON array of at most ${MAX_TAGS} objects {"Key","Value"} with different keys. ${ADVICE}`,
);

const wantedTagsJson: z.ZodType<readonly WantedTag[]> = jsonText(
  z
    .array(z.object({ Key: tagKey, Value: tagValue.optional() }))
    .min(1)
    .max(MAX_TAGS)
    .refine((tags) => new Set(tags.map(({ Key }) => Key)).size === tags.length)
    .transform((tags) => tags.map(({ Key: key, Value: value }) => ({ key, value }))),
  `It must be a JSON array of 1 to ${MAX_TAGS} objects {"Key"} or {"Key","Value"} with different keys. ${ADVICE}`,
);

const namesJson: z.ZodType<readonly string[]> = jsonText(
  z
    .array(z.string().min(1).max(128).refine(isStorable))
    .min(1)
    .max(MAX_RESOURCES)
    .transform((names) => [...new Set(names)]),
  `It must be a JSON array of 1 to ${MAX_RESOURCES} names.`,
);

const keysJson: z.ZodType<readonly string[]> = jsonText(
  z.array(z.string().min(1).max(MAX_KEY_CHARACTERS)).min(1).max(MAX_TAGS),
  `It must be a JSON array of 1 to ${MAX_TAGS} tag keys.`,
);

/** The tags of what is being made. */
export const newTags = optional({
  schema: tagsJson,
  description: `Its tags, as a JSON array of at most ${MAX_TAGS} objects {"Key","Value"}.`,
});

/** The tags that are added, or replace those of the same keys. */
export const addedTags = required({
  schema: tagsJson,
  description: `The tags, as a JSON array of at most ${MAX_TAGS} objects {"Key","Value"}.`,
});

/** The tags that are looked for. */
export const wantedTags = optional({
  schema: wantedTagsJson,
  description:
    'Lists only what has all of these tags, as a JSON array of objects {"Key"} or {"Key","Value"}. All by default.',
});

export const resourceType = required({ schema: oneOf(TAGGED_TYPES), description: "role or policy." });

export const resourceNames = required({
  schema: namesJson,
  description: `The names of 1 to ${MAX_RESOURCES} roles or policies, as a JSON array.`,
});

export const listedNames = optional({
  schema: namesJson,
  description: `Whose tags to list: 1 to ${MAX_RESOURCES} names, as a JSON array. All by default.`,
});

export const tagKeys = optional({
  schema: keysJson,
  description: "The keys of the tags to take away, as a JSON array. There need not be such tags.",
});

/** Tags as lists of roles and policies show them. */
export const tagList = z.object({ Tag: z.array(z.object({ TagKey: z.string(), TagValue: z.string() })) });

export function toTagList(tags: Tags = new Map()): z.infer<typeof tagList> {
  return { Tag: [...tags].map(([TagKey, TagValue]) => ({ TagKey, TagValue })) };
}
