import type { Protocol } from "./protocol.ts";
import { type Model, type Process, type State, type Statement, type Step, elementAt } from "./state.ts";

/**
 * A batch statement inside the database: it starts (waits for the row lock and for a rival at its seq, compares the
 * tag, inserts) and commits, or ends with no row. What becomes of its process does not matter to it.
 */
export function* statementSteps(state: State, { protocol }: Model): Generator<Step> {
  for (const [index, statement] of state.statements.entries()) {
    const owner = `p${statement.process}`;
    if (statement.running) {
      yield { label: `${owner}'s statement commits`, next: commit(state, index, statement) };
    } else if (!mustWait(state, statement, protocol)) {
      const label = `${owner}'s statement starts`;
      if (inserts(state, statement, protocol)) {
        const statements = state.statements.with(index, { ...statement, running: true });
        yield { label, next: { ...state, statements } };
      } else {
        yield { label: `${label} and ends with no row`, next: finish(state, index, "no row") };
      }
    }
  }
}

function mustWait(state: State, { shard, batch }: Statement, { batchCheck, uniqueSeq }: Protocol): boolean {
  const rowLocked =
    batchCheck === "locked shard row" && state.control !== undefined && state.control.shardsLocked > shard;
  const rivalInserted = state.statements.some(
    (other) => other.running && other.shard === shard && other.batch.seq === batch.seq,
  );
  return rowLocked || (uniqueSeq && rivalInserted);
}

/** A marker says nothing that depends on the epoch, so it is not compared. */
function inserts(state: State, { shard, batch }: Statement, { batchCheck, uniqueSeq }: Protocol): boolean {
  const { tag, log } = elementAt(state.shards, shard);
  if (uniqueSeq && log.length !== batch.seq) return false;
  if (batch.marks !== undefined || batchCheck === "none") return true;
  return batch.tag === (batchCheck === "locked shard row" ? tag : state.store.tag);
}

function commit(state: State, index: number, { shard, batch }: Statement): State {
  const { tag, log } = elementAt(state.shards, shard);
  const shards = state.shards.with(shard, { tag, log: [...log, batch] });
  return { ...finish(state, index, "committed"), shards };
}

function finish(state: State, index: number, reply: Process["reply"]): State {
  const { process, connected } = elementAt(state.statements, index);
  const processes = connected
    ? state.processes.with(process, { ...elementAt(state.processes, process), reply })
    : state.processes;
  return { ...state, statements: state.statements.toSpliced(index, 1), processes };
}
