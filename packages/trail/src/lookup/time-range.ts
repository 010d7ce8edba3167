import { ApiError } from "@cinnabar/kernel";
import { parseTimestamp, WireError } from "@cinnabar/rpc";
import { z } from "zod";

const DAY_SECONDS = 24 * 60 * 60;
/** What is searched where the call does not say (ActionTrail, "LookupEvents"). */
const DEFAULT_DAYS = 7;
/** How far events can be looked up into the past, and how long a range may be (same page). */
const HISTORY_DAYS = 90;
export const HISTORY_SECONDS = HISTORY_DAYS * DAY_SECONDS;
const MAX_DAYS = 30;

/** Seconds since 1970, both included. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** An instant in UTC, `yyyy-MM-ddTHH:mm:ssZ`, to seconds since 1970. */
export const instant: z.ZodType<number> = z.string().transform((text, { issues }) => {
  try {
    return Math.floor(parseTimestamp(text) / 1000);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    issues.push({ code: "custom", input: text, message: "It must be written in UTC as yyyy-MM-ddTHH:mm:ssZ." });
    return z.NEVER;
  }
});

/**
 * The range of a lookup.
 *
 * @param given.now - the last second that an event on record can have.
 * @throws ApiError `InvalidParameterStartTime`, `InvalidParameterEndTime`, `InvalidParameterCombination`.
 */
export function toTimeRange({
  StartTime: from,
  EndTime: to,
  now,
}: {
  readonly StartTime: number | undefined;
  readonly EndTime: number | undefined;
  readonly now: number;
}): TimeRange {
  if (from === undefined && to === undefined) return { from: now - DEFAULT_DAYS * DAY_SECONDS, to: now };
  if (from === undefined || to === undefined) {
    throw new ApiError("InvalidParameterCombination", "StartTime and EndTime must be given both, or neither.");
  }
  if (from < now - HISTORY_DAYS * DAY_SECONDS) {
    throw new ApiError(
      "InvalidParameterStartTime",
      `The specified StartTime is invalid. It must be within the last ${HISTORY_DAYS} days.`,
    );
  }
  assertOrder({ from, to });
  return { from, to };
}

/** @throws ApiError `InvalidParameterCombination` */
export function assertOrder({ from, to }: TimeRange): void {
  if (to <= from) throw new ApiError("InvalidParameterCombination");
  if (to - from > MAX_DAYS * DAY_SECONDS) {
    throw new ApiError("InvalidParameterCombination", `EndTime must be at most ${MAX_DAYS} days after StartTime.`);
  }
}
