import { type AuditLog, CONTROL_LOG, type LoggedEvent } from "./audit-log.ts";
import type { ReceivedAnswer } from "./workload.ts";

/** Holds answers against the log: each has its one record, which says the same. @returns what does not hold. */
export function missingRecords(log: AuditLog, answers: readonly ReceivedAnswer[]): string[] {
  return answers.flatMap(({ requestId, action, code }) => {
    const event = log.find(requestId);
    if (event === undefined) return [`${action} ${requestId} was answered and is not in the log`];
    const isSame = event.name === action && event.errorCode === code;
    return isSame
      ? []
      : [`${action} ${requestId} was answered ${code ?? "200"}, its record says ${event.errorCode ?? "200"}`];
  });
}

/**
 * Holds the log against answers: each record of a call was answered so, or a correction names it, or it is in doubt by
 * its position: in the last batch before a crash marker, or the last control before a node opened its shard unclosed.
 * For deployments of one node.
 *
 * @param options.answered - RequestIds of every answer received but 503.
 * @param options.unavailable - RequestIds of every answer 503.
 * @returns what does not hold.
 */
export function unaccountedRecords(
  log: AuditLog,
  { answered, unavailable }: { answered: ReadonlySet<string>; unavailable: ReadonlySet<string> },
): string[] {
  const corrected = new Set(
    [...log.events].filter(({ name }) => name === "CorrectAnswers").flatMap(({ data }) => data["eventIds"] as string[]),
  );
  const inDoubt = new Set(
    log.shards.flatMap((shard) => (shard === CONTROL_LOG ? doubtfulControls(log) : doubtfulCalls(log, shard))),
  );
  const problems = [...corrected]
    .filter((requestId) => answered.has(requestId))
    .map((requestId) => `${requestId} was answered, and a correction says that it was not`);
  for (const event of log.events) {
    const { requestId, name, isCall } = event;
    if (!isCall || answered.has(requestId) || corrected.has(requestId) || inDoubt.has(event)) continue;
    const answer = unavailable.has(requestId) ? "was answered 503" : "was not answered";
    problems.push(`${name} ${requestId} is on record and ${answer}, and nothing in the log says so`);
  }
  return problems;
}

/** Markers of a shard's log that say the batch just before them is in doubt. */
export function crashMarkers(log: AuditLog, shard: number): readonly LoggedEvent[] {
  return log
    .batches(shard)
    .flat()
    .filter(({ name, seq, data }) => name === "MarkCrash" && data["inDoubtSeq"] === seq - 1);
}

function doubtfulCalls(log: AuditLog, shard: number): readonly LoggedEvent[] {
  return crashMarkers(log, shard).flatMap(({ seq }) => log.batches(shard)[seq - 2] ?? []);
}

function doubtfulControls(log: AuditLog): readonly LoggedEvent[] {
  const doubtful: LoggedEvent[] = [];
  let last: LoggedEvent | undefined;
  for (const event of log.batches(CONTROL_LOG).flat()) {
    if (event.isCall) last = event;
    if (event.name !== "OpenShard") continue;
    if (event.data["closedBefore"] === false && last !== undefined) doubtful.push(last);
    last = undefined;
  }
  return doubtful;
}
