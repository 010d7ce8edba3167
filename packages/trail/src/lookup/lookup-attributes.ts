import { z } from "zod";
import { type Attribute, ATTRIBUTE_NAMES, isAttributeName } from "../events/attributes.ts";

/** The first conditions count, and further ones do not (ActionTrail, "How do I configure the LookupAttribute parameter"). */
const MAX_ATTRIBUTES = 2;
/** No attribute of an event is longer. */
const MAX_VALUE_CHARACTERS = 8_192;

/** `LookupAttribute.1.Key=…&LookupAttribute.1.Value=…`; of two conditions with the same key the second one counts. */
export const lookupAttributes: z.ZodType<readonly Attribute[]> = z
  .array(z.map(z.string(), z.string()))
  .transform((records, { issues }) => {
    const byName = new Map<string, Attribute>();
    for (const record of records.slice(0, MAX_ATTRIBUTES)) {
      const [name = "", value = ""] = [record.get("Key"), record.get("Value")];
      if (!isAttributeName(name) || value === "" || value.length > MAX_VALUE_CHARACTERS || !value.isWellFormed()) {
        const message = `Each must have a Key, one of ${ATTRIBUTE_NAMES.join(", ")}, and a Value.`;
        issues.push({ code: "custom", input: record, message });
        return z.NEVER;
      }
      byName.set(name, { name, value });
    }
    return [...byName.values()];
  });
