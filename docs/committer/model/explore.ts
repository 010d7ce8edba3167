import { clientSteps } from "./client-steps.ts";
import { Collapse } from "./collapse.ts";
import { controlSteps } from "./control-steps.ts";
import { faultSteps } from "./fault-steps.ts";
import { processSteps } from "./process-steps.ts";
import { type Violation, endViolation, linearizabilityViolation, recordViolation } from "./properties.ts";
import { type Model, type State, type Step, initialState } from "./state.ts";
import { statementSteps } from "./statement-steps.ts";

export interface Exploration {
  /** Different states reached. */
  readonly states: number;
  /** States after which nothing more can happen. */
  readonly ends: number;
  /** The first violation found, and the steps that lead to it. */
  readonly failure: { readonly violation: Violation; readonly trace: readonly string[] } | undefined;
}

interface Visit {
  readonly state: State;
  readonly label: string;
  readonly from: Visit | undefined;
}

/** Walks through everything that can happen, in every order, depth first, until a property breaks or nothing is left. */
export function explore(model: Model): Exploration {
  const collapse = new Collapse();
  const start = initialState(model);
  const seen = new Set([collapse.keyOf(start)]);
  const linearizable = new Set<number>();
  const stack: Visit[] = [{ state: start, label: "start", from: undefined }];
  let ends = 0;

  const checkStep = (before: State, after: State): Violation | undefined => {
    if (after.history === before.history && after.shards === before.shards) return undefined;
    const history = collapse.numberOf(after.history);
    if (!linearizable.has(history)) {
      const violation = linearizabilityViolation(after, model);
      if (violation !== undefined) return violation;
      linearizable.add(history);
    }
    return recordViolation(after, model);
  };
  const failed = (violation: Violation, visit: Visit): Exploration => ({
    states: seen.size,
    ends,
    failure: { violation, trace: traceOf(visit) },
  });

  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    let isEnd = true;
    for (const { label, next } of steps(visit.state, model)) {
      isEnd = false;
      const key = collapse.keyOf(next);
      if (seen.has(key)) continue;
      seen.add(key);
      const reached = { state: next, label, from: visit };
      const violation = checkStep(visit.state, next);
      if (violation !== undefined) return failed(violation, reached);
      stack.push(reached);
    }
    if (isEnd) {
      ends++;
      const violation = endViolation(visit.state);
      if (violation !== undefined) return failed(violation, visit);
    }
  }
  return { states: seen.size, ends, failure: undefined };
}

function* steps(state: State, model: Model): Generator<Step> {
  yield* clientSteps(state, model);
  yield* controlSteps(state, model);
  yield* statementSteps(state, model);
  yield* processSteps(state, model);
  yield* faultSteps(state);
}

function traceOf(last: Visit): readonly string[] {
  const labels: string[] = [];
  for (let visit: Visit = last; visit.from !== undefined; visit = visit.from) labels.push(visit.label);
  return labels.toReversed();
}
