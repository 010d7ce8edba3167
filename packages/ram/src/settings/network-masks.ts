import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";

/** Most masks and characters of the list (SDK, "SetSecurityPreference"). */
const MAX_MASKS = 40;
const MAX_CHARACTERS = 512;

/** Networks in CIDR notation or single addresses, separated by semicolons. */
export const networkMasks: z.ZodType<string> = z
  .string()
  .max(MAX_CHARACTERS, `It must have at most ${MAX_CHARACTERS} characters.`)
  .refine(
    (text) => {
      const masks = text.split(";");
      return masks.length <= MAX_MASKS && masks.every(isMask);
    },
    { error: `It must be at most ${MAX_MASKS} networks such as 10.0.0.0/8, separated by semicolons.` },
  );

function isMask(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const maxBits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes("%") ? 128 : -1;
  if (maxBits < 0 || more.length > 0) return false;
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= maxBits);
}
