const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FORM =
  /^P(?:([0-9]{1,6})W)?(?:([0-9]{1,7})D)?(?:T(?=[0-9])(?:([0-9]{1,8})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,11})S)?)?$/;

/**
 * Reads a duration of ISO 8601-1 section 5.5.2 in weeks, days, hours, minutes and seconds, such as `P366D` or `PT1H30M`.
 * Years and months are refused: how long they are depends on when they begin.
 *
 * @returns milliseconds; `undefined` if it is none.
 */
export function parseDuration(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null || text === "P") return undefined;
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((digits) => Number(digits ?? 0));
  return (
    (weeks ?? 0) * 7 * DAY + (days ?? 0) * DAY + (hours ?? 0) * HOUR + (minutes ?? 0) * MINUTE + (seconds ?? 0) * SECOND
  );
}
