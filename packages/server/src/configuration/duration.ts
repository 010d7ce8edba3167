import { z } from "zod";

const UNIT_MILLIS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MAX_DAYS = 3660;

/** What a length of time looks like, for messages. */
export const DURATION_HINT = `a length of time up to ${MAX_DAYS} days, such as 90s, 15m, 12h or 35d`;

/** Reads a length of time, such as `90s`, `15m`, `12h` or `35d`, into milliseconds; at most ten years. */
export const duration = z.string().transform((text, context) => {
  const [, digits, unit] = /^(0|[1-9][0-9]{0,8})([smhd])$/.exec(text) ?? [];
  const millis = isUnit(unit) ? Number(digits) * UNIT_MILLIS[unit] : Number.NaN;
  if (millis <= MAX_DAYS * UNIT_MILLIS.d) return millis;
  context.addIssue(`not ${DURATION_HINT}`);
  return z.NEVER;
});

function isUnit(unit: string | undefined): unit is keyof typeof UNIT_MILLIS {
  return unit !== undefined && Object.hasOwn(UNIT_MILLIS, unit);
}
