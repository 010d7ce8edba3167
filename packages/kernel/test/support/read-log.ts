import assert from "node:assert/strict";
import { Frontier, leafHash } from "@cinnabar/merkle-log";
import { batchHeader, openEvents } from "../../src/audit/batch-codec.ts";
import type { Backend, BatchRow } from "../../src/store/backend.ts";
import { readBatchRow } from "../../src/store/batch-columns.ts";
import { CONTROL_SHARD } from "../../src/store/control.ts";

export interface LoggedBatch {
  readonly row: BatchRow;
  readonly events: readonly LoggedEvent[];
}

export interface LoggedEvent {
  readonly eventId: string;
  readonly eventName?: string;
  readonly epoch?: number;
  readonly run?: number;
  readonly errorCode?: string;
  readonly additionalEventData?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

/** A log as it stands, after everything in it was computed anew and found as it is stored. */
export async function readLog(backend: Backend, shard: number): Promise<LoggedBatch[]> {
  const { rows } = await backend.reader.execute(`SELECT * FROM audit_batch WHERE shard = ${shard} ORDER BY seq`, []);
  let frontier = Frontier.empty();
  return rows.map((raw, i) => {
    const row = readBatchRow(raw);
    assert.equal(row.seq, i + 1, "a log has no gap");
    const check = checkBatch(row, frontier);
    ({ frontier } = check);
    return { row, events: check.events.map((text) => JSON.parse(text) as LoggedEvent) };
  });
}

/** Throws unless the batch is exactly what was sealed after `frontier`. */
export function checkBatch(row: BatchRow, frontier: Frontier): { events: string[]; frontier: Frontier } {
  assert.equal(row.firstIndex, frontier.size);
  const events = openEvents(row);
  assert.ok(events !== undefined, "no event was dropped");
  const leaves = [...events.map((event) => leafHash(Buffer.from(event))), leafHash(batchHeader(row, row.events))];
  assert.deepEqual(Buffer.from(row.leaves), Buffer.concat(leaves));
  const next = frontier.append(leaves);
  assert.deepEqual(Buffer.from(row.frontier), next.encode());
  return { events, frontier: next };
}

/** The events of a shard's log, in order. */
export async function readEvents(backend: Backend, shard: number): Promise<LoggedEvent[]> {
  return (await readLog(backend, shard)).flatMap(({ events }) => events);
}

/** Names of the control log's events, in order. */
export async function controlEventNames(backend: Backend): Promise<string[]> {
  return (await readEvents(backend, CONTROL_SHARD)).map(({ eventName }) => eventName ?? "");
}

/** Event ids that the log's corrections name. */
export function correctedIds(events: readonly LoggedEvent[]): string[] {
  return events
    .filter(({ eventName }) => eventName === "CorrectAnswers")
    .flatMap(({ additionalEventData }) => additionalEventData?.["eventIds"] as string[]);
}
