import { z } from "zod";

/** Bytes in base64 (RFC 4648, section 4) with its padding, of which every value has one text only. */
export function base64Bytes({ min = 1, max }: { readonly min?: number; readonly max: number }): z.ZodType<Buffer> {
  const length = min === max ? `${max}` : min === 1 ? `at most ${max}` : `${min} to ${max}`;
  const advice = `It must be the base64 of ${length} bytes.`;
  const maxCharacters = Math.ceil(max / 3) * 4;
  return z.string().transform((text, { issues }) => {
    const bytes = text.length <= maxCharacters ? Buffer.from(text, "base64") : undefined;
    // The decoder skips what is not base64; encoding again shows that there was nothing to skip.
    if (bytes !== undefined && bytes.length >= min && bytes.length <= max && bytes.toString("base64") === text) {
      return bytes;
    }
    issues.push({ code: "custom", input: text, message: advice });
    return z.NEVER;
  });
}
