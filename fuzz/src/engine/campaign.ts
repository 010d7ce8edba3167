import { createHash } from "node:crypto";
import { SeededRandom } from "@cinnabar/testkit";
import { mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

/** Attempts between two checks of what cannot be checked after each. */
const ROUND = 250;
/** A target with as many is broken; more would say the same. */
const MAX_FINDINGS = 5;
const MINIMISING_ATTEMPTS = 300;

/** Which mutations of a target: their inputs follow from this alone. */
export interface Plan {
  readonly name: string;
  readonly seed: number;
  /** Of the first one. */
  readonly first: number;
  readonly count: number;
}

export interface Finding {
  readonly target: string;
  readonly problem: string;
  /** Of the attempt; undefined where a round or the end showed it. */
  readonly index?: number | undefined;
  /** The smallest input found that shows the same, in hexadecimal. */
  readonly input?: string | undefined;
}

export interface TargetReport {
  readonly name: string;
  readonly attempts: number;
  readonly millis: number;
  /** The longest that one attempt took. */
  readonly slowestMillis: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** Tries a plan's mutations on a target. @param onAttempt - called before each, with its index. */
export async function runCampaign(
  target: Target,
  plan: Plan,
  onAttempt: (index: number) => void,
): Promise<TargetReport> {
  const startedAt = performance.now();
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  let attempts = 0;
  let slowestMillis = 0;

  const attempt = async (index: number): Promise<void> => {
    const input = mutationAt(target, plan, index);
    onAttempt(index);
    const began = performance.now();
    try {
      const outcome = target.attempt(input);
      const label = typeof outcome === "string" ? outcome : await outcome;
      outcomes.set(label, (outcomes.get(label) ?? 0) + 1);
    } catch (error) {
      const problem = describe(error);
      const smallest = await minimise(target, input, error);
      findings.push({ target: plan.name, problem, index, input: smallest.toString("hex") });
    }
    slowestMillis = Math.max(slowestMillis, performance.now() - began);
    attempts++;
  };

  const end = plan.first + plan.count;
  for (let start = plan.first; start < end && findings.length < MAX_FINDINGS; start += ROUND) {
    const stop = Math.min(start + ROUND, end);
    let next = start;
    const lane = async (): Promise<void> => {
      while (next < stop) await attempt(next++);
    };
    await Promise.all(Array.from({ length: target.lanes ?? 1 }, lane));
    await check(target.endRound?.bind(target), (problem) =>
      findings.push({ target: plan.name, problem: `after the attempts ${start} to ${stop - 1}: ${problem}` }),
    );
  }
  await check(target.finish?.bind(target), (problem) =>
    findings.push({ target: plan.name, problem: `at the end: ${problem}` }),
  );

  return {
    name: plan.name,
    attempts,
    millis: performance.now() - startedAt,
    slowestMillis,
    outcomes: Object.fromEntries([...outcomes].toSorted(([, a], [, b]) => b - a)),
    figures: target.figures?.() ?? {},
    findings,
  };
}

/** The mutated input of an attempt. */
export function mutationAt(target: Target, plan: Pick<Plan, "name" | "seed">, index: number): Buffer {
  const random = new SeededRandom(
    createHash("sha256").update(`${plan.name} ${plan.seed} ${index}`).digest().readUInt32LE(),
  );
  const seed = random.pick(target.seeds);
  return mutate(seed, { random, others: target.seeds, fixedBytes: target.fixedBytes?.(seed) ?? 0 });
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `something other than an error was thrown: ${String(error)}`;
  if (error.name === "Violation") return error.message;
  return `an error that is not declared: ${error.stack ?? error.message}`;
}

async function check(hook: (() => Promise<void>) | undefined, report: (problem: string) => void): Promise<void> {
  try {
    await hook?.();
  } catch (error) {
    report(describe(error));
  }
}

/** Takes parts away for as long as the same goes wrong. */
async function minimise(target: Target, input: Buffer, found: unknown): Promise<Buffer> {
  const kind = kindOf(found);
  let smallest = input;
  let attempts = 0;
  for (let size = Math.ceil(smallest.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length;) {
      if (++attempts > MINIMISING_ATTEMPTS) return smallest;
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if ((await kindOfAttempt(target, shorter)) === kind) smallest = shorter;
      else at += size;
    }
  }
  return smallest;
}

async function kindOfAttempt(target: Target, input: Buffer): Promise<string | undefined> {
  try {
    await target.attempt(input);
    return undefined;
  } catch (error) {
    return kindOf(error);
  }
}

/** What tells one kind of failure from another: the first words, without the values in them. */
function kindOf(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message.slice(0, 30).replaceAll(/[0-9]+/g, "0")}` : "unknown";
}
