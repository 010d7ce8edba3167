import type { Finding, TargetReport } from "./engine/campaign.ts";

const SHOWN_OUTCOMES = 12;
/** Longer inputs are shown by their place in the sequence alone. */
const MAX_SHOWN_INPUT = 4_000;

/** A block of lines for a target: its verdict, what came of its mutations, and what was found. */
export function formatReport(
  { name, attempts, millis, slowestMillis, outcomes, figures, findings }: TargetReport,
  seed: number,
): string {
  const verdict = findings.length === 0 ? "holds" : "FAILS";
  const seconds = (millis / 1000).toFixed(1);
  const lines = [
    `${verdict}  ${name}: ${number(attempts)} mutations in ${seconds} s, the slowest ${slowestMillis.toFixed(0)} ms`,
    ...Object.entries(outcomes)
      .slice(0, SHOWN_OUTCOMES)
      .map(([outcome, count]) => `  ${number(count).padStart(9)}  ${outcome}`),
    ...Object.entries(figures).map(([figure, value]) => `  ${number(value).padStart(9)}  ${figure}`),
    ...findings.flatMap((finding) => formatFinding(finding, seed)),
  ];
  return `${lines.join("\n")}\n`;
}

function formatFinding({ target, problem, index, input }: Finding, seed: number): string[] {
  const command = `npm run test:fuzz -- --target ${target}`;
  return [
    `  PROBLEM  ${problem}`,
    ...(input === undefined || input.length > MAX_SHOWN_INPUT ? [] : [`    ${command} --replay ${input}`]),
    ...(index === undefined ? [] : [`    ${command} --seed ${seed} --at ${index}`]),
  ];
}

export function formatSummary(reports: readonly TargetReport[], millis: number): string {
  const attempts = reports.reduce((sum, report) => sum + report.attempts, 0);
  const findings = reports.reduce((sum, report) => sum + report.findings.length, 0);
  const verdict = findings === 0 ? "Nothing was found." : `${findings} problems were found.`;
  return `${number(attempts)} mutations in ${(millis / 1000).toFixed(0)} s. ${verdict}`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
