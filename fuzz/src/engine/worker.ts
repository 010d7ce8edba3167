import { parentPort, workerData } from "node:worker_threads";
import { type Plan, runCampaign, type TargetReport } from "./campaign.ts";
import type { TargetDeclaration } from "./target.ts";

// Runs the plans it is given, one after another, and says what came of each. It may be stopped at any moment: whoever
// waits sees in the shared memory what it was at.

export interface WorkerInput {
  readonly plans: readonly Plan[];
  /** URL of the module that has the targets. */
  readonly targets: string;
  /** A beat with each attempt, the number of the plan, and the attempt's index. */
  readonly progress: SharedArrayBuffer;
}

/** What the module of the targets exports. */
export interface Targets {
  readonly findTarget: (name: string) => TargetDeclaration;
  /** Ends what targets share. */
  readonly closeTargets: () => Promise<void>;
}

export type WorkerMessage = TargetReport;

export const BEATS = 0;
export const PLAN = 1;
export const INDEX = 2;
export const PROGRESS_BYTES = 12;

if (parentPort !== null) {
  const { plans, targets, progress } = workerData as WorkerInput;
  const { findTarget, closeTargets } = (await import(targets)) as Targets;
  const cells = new Int32Array(progress);
  for (const [number, plan] of plans.entries()) {
    Atomics.store(cells, PLAN, number);
    Atomics.store(cells, INDEX, plan.first);
    Atomics.add(cells, BEATS, 1);
    await using target = await findTarget(plan.name).open();
    const report = await runCampaign(target, plan, (index) => {
      Atomics.store(cells, INDEX, index);
      Atomics.add(cells, BEATS, 1);
    });
    parentPort.postMessage(report satisfies WorkerMessage);
  }
  await closeTargets();
}
