import { isStorable, jsonText } from "@cinnabar/kernel";
import { z } from "zod";

const MAX_FILTERS = 10;
const MAX_VALUES = 10;

/** What keys can be filtered by (Alibaba Cloud SDK, "ListKeys"), `keyId` in lower case as published. */
const FILTERED_FIELDS = [
  "KeyState",
  "KeySpec",
  "KeyUsage",
  "ProtectionLevel",
  "CreatorType",
  "DKMSInstanceId",
  "keyId",
  "AliasName",
  "Creator",
  "TagKey",
  "TagValue",
] as const;

export type FilteredField = (typeof FILTERED_FIELDS)[number];

/** For each field that is filtered by, the values that pass: one or more. */
export type KeyFilters = ReadonlyMap<string, readonly string[]>;

/** Whether the answer tells of keys' tags. */
export function isAboutTags(filters: KeyFilters): boolean {
  return filters.has("TagKey") || filters.has("TagValue");
}

/** Whether filters as they were sent are about tags. */
export function areAboutTags(sent: string | undefined): boolean {
  const { success, data } = keyFilters.safeParse(sent);
  return success && isAboutTags(data);
}

const keyFilter = z.object({
  Key: z.enum(FILTERED_FIELDS),
  Values: z.array(z.string().refine(isStorable)).max(MAX_VALUES),
});

/** Several filters of one field are one with all their values. A filter without values lets every key pass. */
export const keyFilters: z.ZodType<KeyFilters> = jsonText(
  z
    .array(keyFilter)
    .max(MAX_FILTERS)
    .transform((filters) => {
      const byField = new Map<string, readonly string[]>();
      for (const { Key: field, Values: values } of filters) {
        if (values.length > 0) byField.set(field, [...(byField.get(field) ?? []), ...values]);
      }
      return byField;
    }),
  `It must be a JSON array of at most ${MAX_FILTERS} objects {"Key","Values"}, each with at most ${MAX_VALUES} values; a Key is one of ${FILTERED_FIELDS.join(", ")}.`,
);
