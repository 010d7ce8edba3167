import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "../../../docs/committer/model/explore.ts";
import { type History, isLinearizable } from "../../../docs/committer/model/history.ts";
import type { Answer, Operations } from "../../../docs/committer/model/operation.ts";
import { MUTANTS, SCENARIOS, type Scenario } from "../../../docs/committer/model/scenarios.ts";

/** What every run of the tests explores: at most a few seconds each. */
const QUICK_STATES = 350_000;

// oxlint-disable-next-line no-restricted-properties -- a switch of the tests, not a setting of the product
const isFull = process.env["CINNABAR_TEST_SLOW"] === "1";

for (const scenario of SCENARIOS) {
  test(`The committer's model holds in scenario ${scenario.name}.`, skippedIfLarge(scenario), () => {
    assertAsExpected(scenario);
  });
}

for (const mutant of MUTANTS) {
  const outcome = typeof mutant.expected === "string" ? `breaks (${mutant.expected})` : "holds";
  test(`The committer's model ${outcome} with the mutant ${mutant.name}.`, () => {
    assertAsExpected(mutant);
  });
}

test("A history in which a use is allowed after DisableKey returned is not linearizable.", () => {
  const history = [invoked("disable"), answered("disable", "allowed"), invoked("use"), answered("use", "allowed")];
  assert.equal(isLinearizable(history, operations, [true]), false);
});

test("A use that overlaps DisableKey may be decided either way.", () => {
  for (const answer of ["allowed", "denied"] as const) {
    const history = [invoked("use"), invoked("disable"), answered("disable", "allowed"), answered("use", answer)];
    assert.equal(isLinearizable(history, operations, [true]), true, answer);
  }
});

test("An operation that was answered 503 may take effect later, or never.", () => {
  const unknown = [invoked("disable"), answered("disable", "unavailable"), invoked("use")];
  assert.equal(isLinearizable([...unknown, answered("use", "allowed")], operations, [true]), true);
  assert.equal(isLinearizable([...unknown, answered("use", "denied")], operations, [true]), true);
});

test("A look-up sees the events of what was answered before it began, and none of what began later.", () => {
  const before = [invoked("use"), answered("use", "allowed"), invoked("lookup")];
  assert.equal(isLinearizable([...before, answered("lookup", "saw use")], operations, [true]), true);
  assert.equal(isLinearizable([...before, answered("lookup", "saw ")], operations, [true]), false);
  const early = [invoked("lookup"), answered("lookup", "saw use"), invoked("use"), answered("use", "allowed")];
  assert.equal(isLinearizable(early, operations, [true]), false);
});

test("A control without its right is denied, and has no effect.", () => {
  const withdrawn: Operations = { ...operations, disable: { kind: "control", entity: 0, inForce: false, requires: 1 } };
  const denied = [invoked("disable"), answered("disable", "denied"), invoked("use"), answered("use", "allowed")];
  assert.equal(isLinearizable(denied, withdrawn, [true, false]), true);
  assert.equal(isLinearizable(denied, withdrawn, [true, true]), false);
});

const operations: Operations = {
  use: { kind: "use", entity: 0, shard: 0 },
  disable: { kind: "control", entity: 0, inForce: false },
  lookup: { kind: "lookup" },
};

function invoked(operation: string): History[number] {
  return { kind: "invoked", operation };
}

function answered(operation: string, answer: Answer): History[number] {
  return { kind: "answered", operation, answer };
}

function skippedIfLarge({ expected }: Scenario): { skip: string | false } {
  const isLarge = typeof expected !== "string" && expected.states > QUICK_STATES;
  return { skip: isLarge && !isFull ? "large: npm run test:slow, or set CINNABAR_TEST_SLOW=1" : false };
}

function assertAsExpected({ model, expected }: Scenario): void {
  const { states, failure } = explore(model);
  const explanation = failure && `${failure.violation.detail}: ${failure.trace.join("; ")}`;
  if (typeof expected === "string") {
    assert.equal(failure?.violation.kind, expected, explanation);
  } else {
    assert.equal(failure, undefined, explanation);
    assert.equal(states, expected.states, "the model changed: explain why, and correct the number");
  }
}
