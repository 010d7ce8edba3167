/** What a rig found. It proves its promise if there are no problems. */
export interface RigReport {
  readonly name: string;
  readonly figures: Readonly<Record<string, number>>;
  /** Sentences, one for each thing that did not hold. */
  readonly problems: readonly string[];
}

/** Told in a sentence how far a rig has come. */
export type Progress = (message: string) => void;

const SHOWN_PROBLEMS = 20;

/** A block of lines for each rig: its verdict, its figures, and the first problems. */
export function formatReports(reports: readonly RigReport[]): string {
  return reports
    .map(({ name, figures, problems }) => {
      const width = Math.max(...Object.keys(figures).map((figure) => figure.length));
      const lines = Object.entries(figures).map(
        ([figure, value]) => `  ${figure.padEnd(width)}  ${formatNumber(value)}`,
      );
      const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `  PROBLEM  ${problem}`);
      if (problems.length > SHOWN_PROBLEMS) shown.push(`  and ${problems.length - SHOWN_PROBLEMS} problems more`);
      return [`${problems.length === 0 ? "holds " : "FAILS "} ${name}`, ...lines, ...shown, ""].join("\n");
    })
    .join("\n");
}

function formatNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}
