import { type Entities, decide, operationNamed } from "./operation.ts";
import type { Protocol } from "./protocol.ts";
import {
  type ControlTransaction,
  type Model,
  type PendingControl,
  type State,
  type Step,
  type Store,
  answered,
  elementAt,
} from "./state.ts";

/** A control: lock the epoch, decide, write, lock and update the shard rows, commit, answer. */
export function* controlSteps(state: State, model: Model): Generator<Step> {
  if (state.control === undefined) {
    for (const index of state.pendingControls.keys()) yield beginControl(state, index, model);
  } else if (mustLockShard(state, state.control, model.protocol)) {
    const shard = state.control.shardsLocked;
    const held = state.statements.some((statement) => statement.running && statement.shard === shard);
    if (!held) {
      const control = { ...state.control, shardsLocked: shard + 1 };
      yield { label: `${control.operation} locks shard row ${shard}`, next: { ...state, control } };
    }
  } else {
    yield commitControl(state, state.control, model);
  }
  for (const [index, { operation, outcome }] of state.committedControls.entries()) {
    const history = answered(state.history, operation, outcome);
    const committedControls = state.committedControls.toSpliced(index, 1);
    yield { label: `${operation} returns`, next: { ...state, history, committedControls } };
  }
}

/** A control that decides ahead reads first, in two steps; if the epoch moved by the time it has the lock, it begins again. */
function beginControl(state: State, index: number, { operations, protocol }: Model): Step {
  const pending = elementAt(state.pendingControls, index);
  const { operation } = pending;
  const become = (label: string, changes: Partial<PendingControl>): Step => ({
    label: `${operation} ${label}`,
    next: { ...state, pendingControls: state.pendingControls.with(index, { ...pending, ...changes }) },
  });

  let decidedOn: Entities = state.store.entities;
  if (protocol.controlDecides !== "under the lock") {
    const readTag = become("reads the tag", { tag: state.store.tag });
    const readRows = become("reads the rows", { entities: state.store.entities });
    if (pending.tag === undefined && pending.entities === undefined) {
      return protocol.refresh === "tag first" ? readTag : readRows;
    }
    if (pending.entities === undefined) return readRows;
    if (pending.tag === undefined) return readTag;
    if (protocol.controlDecides === "ahead, tag compared" && pending.tag !== state.store.tag) {
      return become("finds that the epoch moved", { tag: undefined, entities: undefined });
    }
    decidedOn = pending.entities;
  }
  const control = operationNamed(operations, operation);
  if (control.kind !== "control") throw new RangeError(`${operation} is no control`);
  const { outcome } = decide(control, decidedOn);
  const after =
    outcome === "allowed" ? state.store.entities.with(control.entity, control.inForce) : state.store.entities;
  return {
    label: `${operation} locks the epoch`,
    next: {
      ...state,
      pendingControls: state.pendingControls.toSpliced(index, 1),
      control: { operation, outcome, after, shardsLocked: 0 },
    },
  };
}

function mustLockShard(state: State, { shardsLocked }: ControlTransaction, { batchCheck }: Protocol): boolean {
  return batchCheck === "locked shard row" && shardsLocked < state.shards.length;
}

/** A denial decided under the lock is a control transaction too: its event takes the control log's next position. */
function commitControl(state: State, { operation, outcome, after }: ControlTransaction, model: Model): Step {
  const { store } = state;
  const issued = store.issued + 1;
  const tag = model.protocol.epochName === "random tag" ? issued : store.tag + 1;
  const record = { operation, outcome };
  const losable = state.faults.failovers > 0 && operationNamed(model.operations, operation).unpromised === true;
  return {
    label: `${operation} commits`,
    next: {
      ...state,
      store: { tag, issued, entities: after, controlLog: [...store.controlLog, record] } satisfies Store,
      standby: losable ? store : undefined,
      shards: state.shards.map((shard) => ({ ...shard, tag })),
      control: undefined,
      committedControls: [...state.committedControls, record],
    },
  };
}
