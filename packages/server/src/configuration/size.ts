import { z } from "zod";

const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** What a size looks like, for messages. */
export const SIZE_HINT = "a size such as 500MiB, 20GiB or 1TiB";

/** Reads a size in binary units into bytes, 1 KiB to 8191 TiB. */
export const size = z.string().transform((text, context) => {
  const [, digits, unit] = /^([1-9][0-9]{0,9})([KMGT]iB)$/.exec(text) ?? [];
  const bytes = isUnit(unit) ? Number(digits) * UNIT_BYTES[unit] : Number.NaN;
  if (Number.isSafeInteger(bytes)) return bytes;
  context.addIssue(`not ${SIZE_HINT}`);
  return z.NEVER;
});

function isUnit(unit: string | undefined): unit is keyof typeof UNIT_BYTES {
  return unit !== undefined && Object.hasOwn(UNIT_BYTES, unit);
}
