const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const MAX_DIGITS = 15;

/** A decimal number that a double holds exactly enough to compare it, or `undefined`. */
export function parseNumber(text: string): number | undefined {
  if (text.length > MAX_DIGITS + 2 || !NUMBER.test(text)) return undefined;
  return text.replace(/[-.]/g, "").length > MAX_DIGITS ? undefined : Number(text);
}

const INSTANT =
  /^(?<date>[0-9]{4}-[0-9]{2}-(?<day>[0-9]{2}))T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,3})?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])$/;

/** A time of ISO 8601 with its offset from UTC, in milliseconds since 1970, or `undefined`. */
export function parseInstant(text: string): number | undefined {
  const { date, day } = INSTANT.exec(text)?.groups ?? {};
  if (date === undefined) return undefined;
  // The language takes 31 February for a day in March.
  const midnight = new Date(`${date}T00:00:00Z`);
  return midnight.getUTCDate() === Number(day) ? Date.parse(text) : undefined;
}
