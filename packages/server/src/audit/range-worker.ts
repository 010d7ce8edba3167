import { parentPort } from "node:worker_threads";
import { ControlFacts } from "./control-facts.ts";
import { withDatabaseLogs } from "./database-logs.ts";
import { LogAuditor, type VerifiedRange } from "./log-audit.ts";
import type { LogSource } from "./log-source.ts";
import type { RangeTask } from "./range-thread.ts";

/** Verifies a range of a log. What is wrong is not told: the thread that asked looks for itself. */
async function verifyRange(source: LogSource, task: RangeTask): Promise<VerifiedRange | undefined> {
  const { shard, range, checkpoints } = task;
  let auditor: LogAuditor | undefined;
  for await (const item of source.read(shard, { after: range.after - 1, last: range.after })) {
    if (item.kind === "damage" || item.place === undefined || item.frontier === undefined) return undefined;
    const { place, isDropped } = item;
    const start = { place, isDropped, frontier: new Uint8Array(item.frontier) };
    auditor = new LogAuditor({ shard, control: ControlFacts.of(task), checkpoints, start });
  }
  if (auditor === undefined) return undefined;
  for await (const item of source.read(shard, range)) auditor.add(item);
  return auditor.finishRange();
}

parentPort?.once("message", (task: RangeTask) => {
  withDatabaseLogs(task.url, (source) => verifyRange(source, task)).then(
    (verified) => parentPort?.postMessage(verified),
    () => parentPort?.postMessage(undefined),
  );
});
