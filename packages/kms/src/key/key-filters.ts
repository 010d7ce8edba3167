import { z } from "zod";
import { jsonText } from "../parameters/json-text.ts";

const MAX_FILTERS = 10;
const MAX_VALUES = 10;

/** What keys can be filtered by (Alibaba Cloud SDK, "ListKeys"), `keyId` in lower case as published. */
const FILTER_KEYS = [
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

const keyFilter = z.object({ Key: z.enum(FILTER_KEYS), Values: z.array(z.string()).max(MAX_VALUES) });

export const keyFilters: z.ZodType<readonly z.infer<typeof keyFilter>[]> = jsonText(
  z.array(keyFilter).max(MAX_FILTERS),
  `It must be a JSON array of at most ${MAX_FILTERS} objects {"Key","Values"}, each with at most ${MAX_VALUES} values; a Key is one of ${FILTER_KEYS.join(", ")}.`,
);
