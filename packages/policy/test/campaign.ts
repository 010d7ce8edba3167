import type { Decision } from "../src/index.ts";
import { compareDecisions, compareExplanations, shrink } from "./comparison.ts";
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
export function runCampaign({ seed, count, explainEvery }: Campaign): ReadonlyMap<string, number> {
  const outcomes = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const scenario = randomScenario(seed + i);
    const decision = check(scenario, compareDecisions, seed + i);
    if (i % explainEvery === 0) check(scenario, compareExplanations, seed + i);
    const name = nameOf(decision);
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
  }
  return outcomes;
}

function check(scenario: Scenario, compare: (scenario: Scenario) => Decision, seed: number): Decision {
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

function nameOf(decision: Decision): string {
  if (decision.allowed) return "allowed";
  return `${decision.gate} ${decision.explicit ? "denies" : "does not allow"}`;
}
