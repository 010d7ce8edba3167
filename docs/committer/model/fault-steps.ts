import { type Faults } from "./protocol.ts";
import { type State, type Statement, type Step, startedProcess } from "./state.ts";

/** What goes wrong, while the scenario still allows it. */
export function* faultSteps(state: State): Generator<Step> {
  const { faults, processes } = state;
  for (const [index, process] of processes.entries()) {
    if (process.status === "in flight" && faults.lostConnections > 0) {
      const lost = { ...process, status: "outcome unknown", reply: undefined } as const;
      yield {
        label: `p${index} loses its connection`,
        next: {
          ...state,
          faults: less(faults, "lostConnections"),
          statements: disconnected(state.statements, index),
          processes: processes.with(index, lost),
        },
      };
    }
    if (process.status !== "gone" && faults.crashes > 0) {
      const crashed = { ...process, status: "gone", queue: [], batch: undefined, reply: undefined } as const;
      yield {
        label: `p${index} crashes`,
        next: {
          ...state,
          faults: less(faults, "crashes"),
          statements: disconnected(state.statements, index),
          processes: processes.with(index, crashed),
        },
      };
    }
    if (faults.takeovers > 0) {
      const incarnation = processes.length;
      const successor = startedProcess({ shard: process.shard, incarnation, status: "taking over" });
      yield {
        label: `p${index} is replaced by p${incarnation}`,
        next: { ...state, faults: less(faults, "takeovers"), processes: [...processes, successor] },
      };
    }
  }
  if (
    faults.failovers > 0 &&
    state.standby !== undefined &&
    state.control === undefined &&
    state.statements.length === 0
  ) {
    const { tag, entities, controlLog } = state.standby;
    yield {
      label: "a failover loses the last control",
      next: {
        ...state,
        faults: less(faults, "failovers"),
        store: { ...state.store, tag, entities, controlLog },
        standby: undefined,
        shards: state.shards.map((shard) => ({ ...shard, tag })),
      },
    };
  }
}

function less(faults: Faults, fault: keyof Faults): Faults {
  return { ...faults, [fault]: faults[fault] - 1 };
}

function disconnected(statements: readonly Statement[], process: number): readonly Statement[] {
  return statements.map((statement) =>
    statement.process === process ? { ...statement, connected: false } : statement,
  );
}
