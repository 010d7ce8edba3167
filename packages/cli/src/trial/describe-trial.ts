import { formatTable, printable } from "../table.ts";
import { sum, type Trial, type TriedCalls } from "./trial.ts";

/** What an outcome is called in a table, in the order in which they stand there; of what does not change there is only a number. */
const TITLES: ReadonlyMap<string, string> = new Map([
  ["NewlyRefused", "refused"],
  ["NewlyAllowed", "allowed"],
  ["CircumstancesUnknown", "unknown: circumstances"],
  ["SessionPolicyUnknown", "unknown: session policy"],
  ["ResourceUnknown", "unknown: resource"],
  ["CallerGone", "unknown: caller is gone"],
]);
const UNCHANGED = "Unchanged";
const HEADS = ["WOULD BE", "CALLER", "OPERATION", "CALLS", "FIRST CALL", "LAST CALL", "ITS EVENT"];

/** A trial for people: how many calls come to what, and whose they are. */
export function describeTrial(trial: Trial): string {
  const { startTime, endTime, calls, outcomes } = trial;
  const range = `from ${printable(startTime)} to ${printable(endTime)}`;
  if (calls === 0) return `No call that this policy would concern is on record ${range}.\n`;
  const of = (...names: readonly string[]) => sum(outcomes.filter(({ outcome }) => names.includes(outcome)));
  const unchanged = of(UNCHANGED);
  const [refused, allowed] = [of("NewlyRefused"), of("NewlyAllowed")];
  const unknown = calls - unchanged - refused - allowed;
  const head = `${calls === 1 ? "1 call" : `${calls} calls`} on record ${range}, made now:\n`;
  const sums = [
    [String(refused), "would be refused, and are not without this policy"],
    [String(allowed), "would be allowed, and are not without this policy"],
    [String(unchanged), "would come to the same with it and without"],
    ...(unknown > 0 ? [[String(unknown), "cannot be told"]] : []),
  ];
  const width = Math.max(...sums.map(([number = ""]) => number.length));
  const lines = sums.map(([number = "", words = ""]) => `${number.padStart(width)} ${words}\n`).join("");
  const rows = outcomes.filter(({ outcome }) => outcome !== UNCHANGED).toSorted(byWeight);
  return `${head}${lines}${rows.length === 0 ? "" : `\n${formatTable([HEADS, ...rows.map(toRow)])}`}`;
}

const ORDER = [...TITLES.keys()];

function byWeight(one: TriedCalls, other: TriedCalls): number {
  return ORDER.indexOf(one.outcome) - ORDER.indexOf(other.outcome) || other.calls - one.calls;
}

function toRow({ outcome, caller, operation, calls, firstDate, lastDate, lastEventId }: TriedCalls): string[] {
  const who = [caller.type, caller.accountId, caller.name].filter((part) => part !== "").join(" ");
  const cells = [TITLES.get(outcome) ?? outcome, who, operation, String(calls), firstDate, lastDate, lastEventId];
  return cells.map(printable);
}
