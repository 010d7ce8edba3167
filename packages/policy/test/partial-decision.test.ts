import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, decidePartially } from "../src/index.ts";
import { inputOf } from "./comparison.ts";
import { otherContexts, randomScenario, seeds } from "./random-scenario.ts";

const SCENARIOS = 3_000;
/** Circumstances that are tried on each. */
const TRIED = 8;

test("a request of which everything is known is decided as ever", () => {
  for (const seed of seeds(SCENARIOS)) {
    const input = inputOf(randomScenario(seed));
    const { allowed, window } = decide(input);
    const partial = decidePartially(input, () => false);
    assert.deepEqual(partial, window === undefined ? { allowed } : { allowed, window }, `seed ${seed}`);
  }
});

test("what is said of a request of which little is known is true whatever the rest may be", () => {
  const seen = { allowed: 0, refused: 0, undecided: 0 };
  for (const seed of seeds(SCENARIOS)) {
    const scenario = randomScenario(seed);
    const input = inputOf(scenario);
    const keys = Object.keys(scenario.context);
    const unknown = new Set(keys.filter((_key, index) => (seed >> index) % 2 === 0));
    // Where a call has no value for a key, that too is something to know.
    const isUnknown = (key: string) => unknown.has(key) || (!keys.includes(key) && seed % 3 === 0);
    const { allowed } = decidePartially(input, isUnknown);
    seen[allowed === undefined ? "undecided" : allowed ? "allowed" : "refused"]++;
    if (allowed === undefined) continue;
    for (const [i, context] of otherContexts(seed, TRIED).entries()) {
      const conditions = { get: (key: string) => (isUnknown(key) ? context : scenario.context)[key] };
      const tried = decide({ ...input, request: { ...input.request, conditions } });
      assert.equal(tried.allowed, allowed, `seed ${seed}, circumstances ${i}`);
    }
  }
  assert(Math.min(...Object.values(seen)) > 10, JSON.stringify(seen));
});
