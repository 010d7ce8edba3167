import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Finding, Plan, TargetReport } from "./campaign.ts";
import { BEATS, INDEX, PLAN, PROGRESS_BYTES, type WorkerInput, type WorkerMessage } from "./worker.ts";

/** Nothing takes so long on the slowest machine; what waits for a server has bounds of its own, far below. */
const HANG_MILLIS = 120_000;
const WATCH_MILLIS = 500;
const HEAP_MEGABYTES = 2_048;
const REMOVAL_ATTEMPTS = 10;
const TARGETS = new URL("../targets/index.ts", import.meta.url).href;

export interface Supervision {
  /** How long one attempt may last before it counts as a hang. */
  readonly hangMillis?: number;
  /** URL of the module that has the targets, by default the real ones. */
  readonly targets?: string;
  /** Folder in which threads get folders of their own for what is temporary, by default the system's. */
  readonly temporary?: string;
  readonly onReport: (report: TargetReport) => void;
}

/**
 * Runs plans in a thread and watches it. If an attempt never ends or takes the thread down, that is a finding, and what
 * is left of the plans goes on in another thread.
 */
export async function supervise(plans: readonly Plan[], supervision: Supervision): Promise<void> {
  let left = plans;
  while (left.length > 0) {
    const { reported, failure } = await runThread(left, supervision);
    if (failure !== undefined) supervision.onReport(brokenOff(failure));
    left = left.slice(reported + (failure === undefined ? 0 : 1));
    if (failure === undefined && left.length > 0) throw new Error("the thread ended without having done its plans");
  }
}

interface Failure {
  readonly plan: Plan;
  readonly finding: Finding;
}

interface ThreadEnd {
  readonly reported: number;
  readonly failure: Failure | undefined;
}

/** Gives the thread a folder for all that is temporary, and removes it however the thread ends. */
async function runThread(plans: readonly Plan[], supervision: Supervision): Promise<ThreadEnd> {
  const folder = await mkdtemp(join(supervision.temporary ?? tmpdir(), "cinnabar-fuzz-"));
  try {
    return await runThreadIn(folder, { plans, supervision });
  } finally {
    // A server that the thread had started is killed with it, and may make files until it is.
    await rm(folder, { recursive: true, force: true, maxRetries: REMOVAL_ATTEMPTS });
  }
}

async function runThreadIn(
  folder: string,
  { plans, supervision }: { plans: readonly Plan[]; supervision: Supervision },
): Promise<ThreadEnd> {
  const { hangMillis = HANG_MILLIS, targets = TARGETS, onReport } = supervision;
  const progress = new SharedArrayBuffer(PROGRESS_BYTES);
  const cells = new Int32Array(progress);
  const worker = new Worker(new URL("worker.ts", import.meta.url), {
    workerData: { plans, targets, progress } satisfies WorkerInput,
    // oxlint-disable-next-line no-restricted-properties -- passed on as it is
    env: { ...process.env, TMPDIR: folder },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
  });
  const ended = Promise.withResolvers<string | undefined>();
  let reported = 0;
  worker.on("message", (report: WorkerMessage) => {
    reported++;
    onReport(report);
  });
  worker.on("error", (error: unknown) => {
    ended.resolve(
      `the process would have ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  });
  worker.on("exit", (code) => ended.resolve(code === 0 ? undefined : `the process would have ended with ${code}`));

  let beats = -1;
  let lastBeatAt = performance.now();
  const watch = setInterval(() => {
    const now = Atomics.load(cells, BEATS);
    if (now !== beats) {
      beats = now;
      lastBeatAt = performance.now();
    } else if (performance.now() - lastBeatAt > hangMillis) {
      ended.resolve(`no attempt ended for ${hangMillis} ms: this one hangs`);
    }
  }, WATCH_MILLIS);
  const problem = await ended.promise;
  clearInterval(watch);
  await worker.terminate();
  // Counted by the reports, since the thread may be at its last plan's end.
  const plan = plans[Math.min(Math.max(Atomics.load(cells, PLAN), reported), plans.length - 1)];
  if (problem === undefined || plan === undefined) return { reported, failure: undefined };
  const index = Atomics.load(cells, INDEX);
  return { reported, failure: { plan, finding: { target: plan.name, problem, index } } };
}

function brokenOff({ plan, finding }: Failure): TargetReport {
  const attempts = (finding.index ?? plan.first) - plan.first;
  return {
    name: plan.name,
    attempts,
    millis: 0,
    slowestMillis: 0,
    outcomes: {},
    figures: {},
    findings: [finding],
  };
}
