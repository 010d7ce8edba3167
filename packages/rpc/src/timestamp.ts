import { WireError } from "./wire-error.ts";

const TIMESTAMP = /^\d{4}-\d\d-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;

// Whole seconds: under load most requests bear the same text as the one before.
let lastText = "";
let lastMillis = 0;

/**
 * @returns milliseconds since 1970.
 * @throws WireError `InvalidTimeStamp.Format`.
 */
export function parseTimestamp(text: string): number {
  if (text === lastText) return lastMillis;
  const match = TIMESTAMP.exec(text);
  const millis = match === null ? Number.NaN : Date.parse(text);
  // Date.parse carries 30 February and 24:00 over into the next day.
  if (match === null || Number.isNaN(millis) || new Date(millis).getUTCDate() !== Number(match[1])) {
    throw new WireError(
      "InvalidTimeStamp.Format",
      "Specified time stamp or date value is not well formatted. Write it in UTC as yyyy-MM-ddTHH:mm:ssZ.",
    );
  }
  lastText = text;
  lastMillis = millis;
  return millis;
}

/** Writes an instant as the API does everywhere: UTC, whole seconds, `yyyy-MM-ddTHH:mm:ssZ`. */
export function formatTimestamp(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 19)}Z`;
}
