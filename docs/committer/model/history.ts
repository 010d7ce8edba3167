import {
  type Answer,
  type Entities,
  type Operation,
  type Operations,
  decide,
  lookupAnswer,
  operationNamed,
} from "./operation.ts";

export interface Invocation {
  readonly kind: "invoked";
  readonly operation: string;
}

export interface Response {
  readonly kind: "answered";
  readonly operation: string;
  readonly answer: Answer;
}

/** What the clients saw, in the order of time. */
export type History = readonly (Invocation | Response)[];

interface Call {
  readonly name: string;
  readonly operation: Operation;
  readonly invokedAt: number;
  readonly answeredAt: number;
  readonly answer: Answer | undefined;
}

/** Everything that took effect so far, in one candidate order. */
interface Prefix {
  readonly taken: ReadonlySet<Call>;
  readonly entities: Entities;
  readonly events: readonly string[];
}

/**
 * Is there an order of the operations, each at an instant between its invocation and its answer, in which one
 * copy of the system would have answered the same? The search of J. M. Wing and C. Gong, "Testing and Verifying
 * Concurrent Objects" (1993): take any operation that no remaining answered one precedes, and go on.
 *
 * An operation without an answer, or answered `unavailable`, may take effect at any time after its invocation, or never.
 */
export function isLinearizable(history: History, operations: Operations, initial: Entities): boolean {
  const calls = callsOf(history, operations);
  const settled = calls.filter((call) => call.answer !== undefined);

  const search = ({ taken, entities, events }: Prefix): boolean => {
    const remaining = settled.filter((call) => !taken.has(call));
    if (remaining.length === 0) return true;
    const firstAnswerAt = Math.min(...remaining.map((call) => call.answeredAt));
    return calls.some((call) => {
      if (taken.has(call) || call.invokedAt > firstAnswerAt) return false;
      const effect = takeEffect(call, entities, events);
      if (call.answer !== undefined && call.answer !== effect.answer) return false;
      return search({ taken: new Set([...taken, call]), entities: effect.entities, events: effect.events });
    });
  };
  return search({ taken: new Set(), entities: initial, events: [] });
}

function takeEffect(
  { name, operation }: Call,
  entities: Entities,
  events: readonly string[],
): { answer: Answer; entities: Entities; events: readonly string[] } {
  if (operation.kind === "lookup") return { answer: lookupAnswer(events), entities, events };
  const { outcome, after } = decide(operation, entities);
  return { answer: outcome, entities: after, events: [...events, name] };
}

function callsOf(history: History, operations: Operations): readonly Call[] {
  const calls = new Map<string, Call>();
  for (const [at, event] of history.entries()) {
    const name = event.operation;
    const operation = operationNamed(operations, name);
    if (operation.unpromised === true) continue;
    if (event.kind === "invoked") {
      calls.set(name, { name, operation, invokedAt: at, answeredAt: Infinity, answer: undefined });
    } else if (event.answer !== "unavailable") {
      const invoked = calls.get(name);
      if (invoked === undefined) throw new RangeError(`${name} was answered before it was called`);
      calls.set(name, { ...invoked, answeredAt: at, answer: event.answer });
    }
  }
  return [...calls.values()];
}
