import { lookupAnswer } from "./operation.ts";
import { type Model, type State, type Step, answered, invoked } from "./state.ts";

/** Every operation is called once, at any time; a use is sent to any process of its shard that takes requests. */
export function* clientSteps(state: State, { operations }: Model): Generator<Step> {
  for (const [name, operation] of Object.entries(operations)) {
    const events = state.history.filter((event) => event.operation === name);
    if (events.length > 0) {
      if (operation.kind === "lookup" && events.length === 1) yield look(state, name);
      continue;
    }
    const history = invoked(state.history, name);
    if (operation.kind === "lookup") {
      yield { label: `call ${name}`, next: { ...state, history } };
    } else if (operation.kind === "control") {
      const control = { operation: name, tag: undefined, entities: undefined };
      const pendingControls = [...state.pendingControls, control];
      yield { label: `call ${name}`, next: { ...state, history, pendingControls } };
    } else {
      for (const [index, process] of state.processes.entries()) {
        if (process.shard !== operation.shard || process.status === "gone" || process.status === "taking over")
          continue;
        const processes = state.processes.with(index, { ...process, queue: [...process.queue, name] });
        yield { label: `call ${name} at p${index}`, next: { ...state, history, processes } };
      }
    }
  }
}

/** A look-up waits for nothing: it reads all that is committed, in one snapshot. */
function look(state: State, name: string): Step {
  const records = [
    ...state.store.controlLog,
    ...state.shards.flatMap(({ log }) => log.flatMap((batch) => batch.records)),
  ];
  const answer = lookupAnswer(records.map((record) => record.operation));
  return { label: `${name} reads the logs`, next: { ...state, history: answered(state.history, name, answer) } };
}
