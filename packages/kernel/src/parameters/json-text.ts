import { z } from "zod";

/** JSON text whose value `schema` describes. `advice` says what that is. */
export function jsonText<Value>(
  schema: z.ZodType<Value>,
  advice: string,
  { maxBytes = Number.POSITIVE_INFINITY }: { readonly maxBytes?: number } = {},
): z.ZodType<Value> {
  return z.string().transform((text, { issues }) => {
    const parsed = schema.safeParse(Buffer.byteLength(text) <= maxBytes ? parseJson(text) : undefined);
    if (parsed.success) return parsed.data;
    issues.push({ code: "custom", input: text, message: advice });
    return z.NEVER;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
