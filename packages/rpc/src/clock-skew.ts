import { WireError } from "./wire-error.ts";

/** How far a request's Timestamp may be from the server's clock, either way (Alibaba Cloud, `InvalidTimeStamp.Expired`). */
export const MAX_CLOCK_SKEW_MILLIS = 15 * 60 * 1000;

/**
 * Refuses a request made too long ago, or too far in the future.
 *
 * @throws WireError `InvalidTimeStamp.Expired` beyond {@link MAX_CLOCK_SKEW_MILLIS}.
 */
export function assertFresh({ timestampMillis, nowMillis }: { timestampMillis: number; nowMillis: number }): void {
  const skewMillis = timestampMillis - nowMillis;
  if (Math.abs(skewMillis) <= MAX_CLOCK_SKEW_MILLIS) return;
  const seconds = Math.round(Math.abs(skewMillis) / 1000);
  throw new WireError(
    "InvalidTimeStamp.Expired",
    `Specified time stamp or date value is expired. It is ${seconds} seconds ${skewMillis < 0 ? "behind" : "ahead of"} ` +
      `the server's clock; at most ${MAX_CLOCK_SKEW_MILLIS / 1000} are allowed.`,
  );
}
