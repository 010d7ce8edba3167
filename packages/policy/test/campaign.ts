import type { Decision } from "../src/index.ts";
import { compareDecisions, shrink } from "./comparison.ts";
import { compareExplanations } from "./explanation-comparison.ts";
import { randomScenario } from "./random-scenario.ts";
import type { Scenario } from "./reference.ts";

export interface Campaign {
  /** Of the first scenario; each has the next. */
  readonly seed: number;
  readonly count: number;
  /** One in this many is explained too, which takes several times as long. */
  readonly explainEvery: number;
}

/**
 * Compares random scenarios with the reference, and throws at the first that differs, reduced to what makes it differ.
 *
 * @returns how often each outcome was seen
 */
export function runCampaign({ seed, count: scenarios, explainEvery }: Campaign): ReadonlyMap<string, number> {
  const outcomes = new Map<string, number>();
  for (let i = 0; i < scenarios; i++) {
    const scenario = randomScenario(seed + i);
    const decision = check(scenario, compareDecisions, seed + i);
    count(outcomes, nameOf(decision, scenario));
    if (i % explainEvery === 0) count(outcomes, `explained: ${check(scenario, compareExplanations, seed + i)}`);
  }
  return outcomes;
}

function count(outcomes: Map<string, number>, name: string): void {
  outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
}

function check<T>(scenario: Scenario, compare: (scenario: Scenario) => T, seed: number): T {
  try {
    return compare(scenario);
  } catch {
    const smallest = shrink(scenario, compare);
    try {
      compare(smallest);
    } catch (cause) {
      throw new Error(`seed ${seed} differs: ${JSON.stringify(smallest, null, 2)}`, { cause });
    }
    throw new Error(`seed ${seed} differed once, and not again`);
  }
}

function nameOf(decision: Decision, { principal }: Scenario): string {
  if (decision.allowed) return `${principal.kind} allowed`;
  return `${decision.gate} ${decision.explicit ? "denies" : "does not allow"}`;
}
