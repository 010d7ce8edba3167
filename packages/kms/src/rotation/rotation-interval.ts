import { z } from "zod";

const DAY_SECONDS = 24 * 60 * 60;
const UNIT_SECONDS: Readonly<Record<string, number>> = { d: DAY_SECONDS, h: 60 * 60, m: 60, s: 1 };
const INTERVAL = /^([0-9]{1,9})([dhms])$/;

/** How often a key is rotated, written as an integer and a unit; the value is in seconds. */
export function rotationInterval({ minDays, maxDays }: { minDays: number; maxDays: number }): z.ZodType<number> {
  return z.string().transform((text, { issues }) => {
    const [, count = "", unit = ""] = INTERVAL.exec(text) ?? [];
    const seconds = Number(count) * (UNIT_SECONDS[unit] ?? 0);
    if (seconds >= minDays * DAY_SECONDS && seconds <= maxDays * DAY_SECONDS) return seconds;
    const message = `It must be an integer and a unit d, h, m or s, from ${minDays}d to ${maxDays}d.`;
    issues.push({ code: "custom", input: text, message });
    return z.NEVER;
  });
}
