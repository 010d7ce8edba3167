import { z } from "zod";

const INTEGER = /^-?[0-9]{1,15}$/;

/** An integer written in decimal digits, from `min` to `max`. */
export function integerText({ min, max }: { readonly min: number; readonly max: number }): z.ZodType<number> {
  return z.string().transform((text, { issues }) => {
    const value = INTEGER.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    issues.push({ code: "custom", input: text, message: `It must be an integer from ${min} to ${max}.` });
    return z.NEVER;
  });
}
