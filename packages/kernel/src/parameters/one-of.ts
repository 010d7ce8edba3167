import { z } from "zod";

/** One of the published values, in exactly this case. */
export function oneOf<const Value extends string>(values: readonly Value[]): z.ZodType<Value> {
  return z.enum(values, { error: `It must be one of ${values.join(", ")}.` });
}

/** A boolean, which the wire writes as `true` or `false`. */
export const booleanText: z.ZodType<boolean> = oneOf(["true", "false"]).transform((text) => text === "true");
