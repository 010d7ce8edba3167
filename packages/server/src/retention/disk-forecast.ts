import { type DayTotals, VOLUME_DAY_MILLIS } from "@cinnabar/kernel";
import type { RetentionPolicy } from "./retention-policy.ts";

/** Full days of which the average is taken. */
const AVERAGED_DAYS = 7;
/** Further ahead nothing is said. */
const MAX_DAYS = 3_650;

/**
 * In how many days the disk is full, if the audit log goes on getting what it got on the last full days, and retention
 * drops what falls due. An estimate: it knows nothing of what else is on the disk.
 *
 * @param options.today - days since 1970.
 * @returns 0 for today; `undefined` if no full day is known yet, or it takes more than ten years.
 */
export function forecastDisk(options: {
  days: readonly DayTotals[];
  today: number;
  freeBytes: number;
  policy: RetentionPolicy;
}): number | undefined {
  const { days, today, policy } = options;
  const first = days[0]?.day;
  if (first === undefined || first >= today) return undefined;
  const from = Math.max(first, today - AVERAGED_DAYS);
  const recent = days.filter(({ day }) => day >= from && day < today);
  const average = (of: (day: DayTotals) => number) => sum(recent.map(of)) / (today - from);
  const [body, tree] = [average(({ bodyBytes }) => bodyBytes), average(({ treeBytes }) => treeBytes)];
  const bodies = new Map(days.map(({ day, bodyBytes, droppedBytes }) => [day, bodyBytes - droppedBytes]));
  let used = sum([...bodies.values()]) + sum(days.map(({ treeBytes }) => treeBytes));
  const full = used + options.freeBytes;
  const keptDays = policy.keepMillis === undefined ? Infinity : Math.ceil(policy.keepMillis / VOLUME_DAY_MILLIS);
  const now = days.find(({ day }) => day === today);
  for (let ahead = 0; ahead <= MAX_DAYS; ahead += 1) {
    const day = today + ahead;
    // Of today, what is still to come.
    const missing = ahead > 0 ? body : Math.max(0, body - (now?.bodyBytes ?? 0));
    bodies.set(day, (bodies.get(day) ?? 0) + missing);
    used += missing + (ahead > 0 ? tree : Math.max(0, tree - (now?.treeBytes ?? 0)));
    for (const [old, bytes] of bodies) {
      if (old >= day - keptDays && used <= (policy.maxBytes ?? Infinity)) break;
      bodies.delete(old);
      used -= bytes;
    }
    if (used >= full) return ahead;
  }
  return undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
