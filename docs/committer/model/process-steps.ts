import { decide, operationNamed } from "./operation.ts";
import { type Batch, type Model, type Process, type State, type Step, answered, elementAt } from "./state.ts";

/** What a process does of its own accord. */
export function* processSteps(state: State, model: Model): Generator<Step> {
  for (const [index, process] of state.processes.entries()) {
    const become = (label: string, changes: Partial<Process>, others?: Partial<State>): Step => ({
      label: `p${index} ${label}`,
      next: { ...state, ...others, processes: state.processes.with(index, { ...process, ...changes }) },
    });
    const send = (label: string, batch: Batch, changes?: Partial<Process>): Step => {
      const statement = { process: index, shard: process.shard, batch, running: false, connected: true };
      const sent = { status: "in flight", batch, reply: undefined } as const;
      return become(label, { ...changes, ...sent }, { statements: [...state.statements, statement] });
    };

    switch (process.status) {
      case "idle":
        if (process.queue.length > 0 || process.corrections.length > 0 || process.mustFlush) {
          yield send("flushes", nextBatch(process, model), { queue: [], mustFlush: false });
        }
        break;
      case "in flight":
        if (process.reply === "committed") yield become("hears: committed", afterCommit(process));
        if (process.reply === "no row") {
          const found = model.protocol.uniqueSeq ? state.shards[process.shard]?.log[process.seq] : undefined;
          yield become("hears: no row", afterNoRow(process, found));
        }
        break;
      case "answering":
        yield answerNext(state, process, become);
        break;
      case "refreshing":
      case "half refreshed": {
        const tagNow = (process.status === "refreshing") === (model.protocol.refresh === "tag first");
        const status = process.status === "refreshing" ? "half refreshed" : "idle";
        if (tagNow) yield become("reads the tag", { status, cachedTag: state.store.tag });
        else yield become("reads the rows", { status, cached: state.store.entities });
        break;
      }
      case "outcome unknown":
        yield* settle(state, process, model, become);
        break;
      case "taking over": {
        const seq = elementAt(state.shards, process.shard).log.length;
        yield send("sends its marker", markerOf(process, seq), { seq });
        break;
      }
      case "gone":
        break;
    }
  }
}

type Become = (label: string, changes: Partial<Process>, others?: Partial<State>) => Step;

function nextBatch({ seq, incarnation, cachedTag, cached, queue, corrections }: Process, { operations }: Model): Batch {
  const records = queue.map((name) => {
    const operation = operationNamed(operations, name);
    if (operation.kind !== "use") throw new RangeError(`${name} is no use`);
    return { operation: name, outcome: decide(operation, cached).outcome };
  });
  return { seq, incarnation, tag: cachedTag, records, corrections, marks: undefined };
}

function markerOf({ incarnation }: Process, seq: number): Batch {
  return { seq, incarnation, tag: undefined, records: [], corrections: [], marks: seq - 1 };
}

function afterCommit({ seq, batch, corrections }: Process): Partial<Process> {
  const written = batch !== undefined && batch.corrections.length > 0;
  return { reply: undefined, seq: seq + 1, status: "answering", corrections: written ? [] : corrections };
}

/** No row was inserted: what stands at this seq says why. */
function afterNoRow(process: Process, found: Batch | undefined): Partial<Process> {
  const reply = undefined;
  if (process.batch?.marks !== undefined) return { reply, status: "taking over" };
  const mine = namesIn(process.batch);
  if (found === undefined) {
    return { reply, status: "refreshing", queue: [...mine, ...process.queue], mustFlush: true };
  }
  if (found.incarnation !== process.incarnation) return { reply, status: "gone" };

  const committed = namesIn(found);
  return {
    reply,
    status: "answering",
    seq: process.seq + 1,
    queue: [...mine.filter((name) => !committed.includes(name)), ...process.queue],
    corrections: [...process.corrections, ...committed.filter((name) => process.unavailable.includes(name))],
    batch: { ...found, records: found.records.filter(({ operation }) => !process.unavailable.includes(operation)) },
    mustFlush: true,
  };
}

/** Answers leave one by one, and the next flush waits for the last: so only a log's last batch can be in doubt. */
function answerNext(state: State, process: Process, become: Become): Step {
  const { batch } = process;
  if (batch === undefined) throw new RangeError("nothing to answer");
  const [record, ...rest] = batch.records;
  const finished = { batch: undefined, status: batch.marks === undefined ? "idle" : "refreshing" } as const;
  if (record === undefined) return become("has answered all", finished);
  const history = answered(state.history, record.operation, record.outcome);
  const changes = rest.length === 0 ? finished : { batch: { ...batch, records: rest } };
  return become(`answers ${record.operation}`, changes, { history });
}

/** The connection broke in COMMIT. Nobody can know yet; whoever submits again at the same seq will. */
function* settle(state: State, process: Process, { protocol }: Model, become: Become): Generator<Step> {
  if (process.batch?.marks !== undefined) {
    yield become("begins its takeover again", { status: "taking over" });
    return;
  }
  const names = namesIn(process.batch);
  yield become("will submit again", { status: "refreshing", queue: [...names, ...process.queue], mustFlush: true });
  yield become(
    "answers 503",
    {
      status: "refreshing",
      unavailable: [...process.unavailable, ...names],
      mustFlush: protocol.afterUnavailable === "correct",
    },
    { history: names.reduce((history, name) => answered(history, name, "unavailable"), state.history) },
  );
}

function namesIn(batch: Batch | undefined): readonly string[] {
  return batch?.records.map(({ operation }) => operation) ?? [];
}
