import { isLinearizable } from "./history.ts";
import { type Answer, operationNamed } from "./operation.ts";
import {
  type AuditRecord,
  type Batch,
  INITIAL_ENTITIES,
  type Model,
  type Process,
  type State,
  elementAt,
} from "./state.ts";

export type ViolationKind =
  | "not linearizable"
  | "an answer without its one record"
  | "a record that nothing accounts for"
  | "a correction of nothing"
  | "stuck";

export interface Violation {
  readonly kind: ViolationKind;
  readonly detail: string;
}

/** P1: what the clients saw is what one copy of the system could have shown them. */
export function linearizabilityViolation({ history }: State, { operations }: Model): Violation | undefined {
  if (isLinearizable(history, operations, INITIAL_ENTITIES)) return undefined;
  return { kind: "not linearizable", detail: history.map((event) => Object.values(event).join(" ")).join(", ") };
}

/** P2, the first half, at every instant: an answer has one record, and that says the same. */
export function recordViolation(state: State, { operations }: Model): Violation | undefined {
  for (const event of state.history) {
    if (event.kind === "invoked" || event.answer === "unavailable") continue;
    const { kind, unpromised } = operationNamed(operations, event.operation);
    if (kind === "lookup" || (kind === "control" && unpromised === true)) continue;
    const records = kind === "control" ? state.store.controlLog : usesOnRecord(state);
    const found = records.filter((record) => record.operation === event.operation);
    if (found.length !== 1 || found[0]?.outcome !== event.answer) {
      const outcomes = found.map((record) => record.outcome).join(" and ") || "nothing";
      return {
        kind: "an answer without its one record",
        detail: `${event.operation} was answered ${event.answer}, on record is ${outcomes}`,
      };
    }
  }
  return undefined;
}

/**
 * P2, the second half, once nothing more can happen: a record was answered as it says, or a later correction names it,
 * or its position says that it is in doubt: in the last batch before a marker, or before the end of a log whose
 * process is gone. A correction names a record whose answer was 503. And nothing is left undone.
 */
export function endViolation(state: State): Violation | undefined {
  const answers = new Map<string, Answer>();
  for (const event of state.history) if (event.kind === "answered") answers.set(event.operation, event.answer);

  for (const { log } of state.shards) {
    for (const [position, batch] of log.entries()) {
      for (const { operation, outcome } of batch.records) {
        const answer = answers.get(operation);
        const corrected = log.some(({ corrections }) => corrections.includes(operation));
        if (answer === outcome || corrected || isInDoubt(log, position, state.processes)) continue;
        const told = answer ?? "never answered";
        return {
          kind: "a record that nothing accounts for",
          detail: `${operation} is recorded ${outcome}, but was ${told}`,
        };
      }
      const idle = batch.corrections.find(
        (name) => answers.get(name) !== "unavailable" || !isOnRecord(log, position, name),
      );
      if (idle !== undefined) return { kind: "a correction of nothing", detail: idle };
    }
  }
  return stuckViolation(state);
}

function isInDoubt(log: readonly Batch[], position: number, processes: readonly Process[]): boolean {
  if (log.some(({ marks }) => marks === position)) return true;
  const { incarnation } = elementAt(log, position);
  const writerIsGone = processes.some((process) => process.incarnation === incarnation && process.status === "gone");
  return position === log.length - 1 && writerIsGone;
}

function isOnRecord(log: readonly Batch[], before: number, name: string): boolean {
  return log.slice(0, before).some(({ records }) => records.some(({ operation }) => operation === name));
}

function stuckViolation(state: State): Violation | undefined {
  const kind = "stuck";
  if (state.control !== undefined) return { kind, detail: `${state.control.operation} never commits` };
  const pending = state.pendingControls[0];
  if (pending !== undefined) return { kind, detail: `${pending.operation} never begins` };
  if (state.statements.length > 0) return { kind, detail: "a statement never ends" };
  const busy = state.processes.findIndex(({ status }) => status !== "idle" && status !== "gone");
  if (busy !== -1) return { kind, detail: `p${busy} is ${elementAt(state.processes, busy).status} for ever` };
  return undefined;
}

function usesOnRecord(state: State): readonly AuditRecord[] {
  return state.shards.flatMap(({ log }) => log.flatMap(({ records }) => records));
}
