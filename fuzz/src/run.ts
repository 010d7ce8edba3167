import type { TargetReport } from "./engine/campaign.ts";
import { supervise } from "./engine/supervise.ts";
import type { TargetDeclaration } from "./engine/target.ts";
import { planFor } from "./plans.ts";

/**
 * Mutates what the targets take, in two threads beside each other: one for what needs no server, one against a server.
 *
 * @param options.count - of mutations, of all targets together.
 * @param options.first - where in the sequence of each target to begin.
 * @param options.onReport - called when a target is done.
 */
export async function runFuzz(options: {
  targets: readonly TargetDeclaration[];
  seed: number;
  count: number;
  first?: number;
  onReport: (report: TargetReport) => void;
}): Promise<TargetReport[]> {
  const { targets, onReport } = options;
  const plans = planFor(targets, options);
  const reports: TargetReport[] = [];
  const keep = (report: TargetReport) => {
    reports.push(report);
    onReport(report);
  };
  await Promise.all(
    (["process", "service"] as const).map((group) => {
      const names = new Set(targets.filter((target) => target.group === group).map(({ name }) => name));
      return supervise(
        plans.filter(({ name }) => names.has(name)),
        { onReport: keep },
      );
    }),
  );
  return reports;
}
