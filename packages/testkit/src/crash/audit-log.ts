import { batchHeader, openEvents, readBatchRow, type BatchRow } from "@cinnabar/kernel";
import { Frontier, leafHash } from "@cinnabar/merkle-log";
import type { DatabaseAccess } from "./database-access.ts";

/** Shard of the control transactions' log. */
export const CONTROL_LOG = 0;

/** What the rigs need of an event. */
export interface LoggedEvent {
  readonly requestId: string;
  readonly name: string;
  readonly errorCode: string | undefined;
  /** True for a call of a client, false for what the deployment records of itself. */
  readonly isCall: boolean;
  readonly data: Readonly<Record<string, unknown>>;
  readonly shard: number;
  readonly seq: number;
}

interface StoredEvent {
  readonly eventId: string;
  readonly eventName: string;
  readonly errorCode?: string;
  readonly eventType: string;
  readonly additionalEventData: Readonly<Record<string, unknown>>;
}

/** A log as far as it was read: the next batch must follow this one. */
interface Shard {
  readonly batches: (readonly LoggedEvent[])[];
  frontier: Frontier;
}

/**
 * Reads a deployment's logs from outside, batch by batch, and follows their trees: whatever does not fit what was
 * read before is a problem. It shares the formats with the server, but none of its bookkeeping.
 */
export class AuditLog {
  readonly #shards = new Map<number, Shard>();
  readonly #events = new Map<string, LoggedEvent>();
  readonly problems: string[] = [];

  /** What was added since the last time. */
  async advance(database: DatabaseAccess): Promise<readonly LoggedEvent[]> {
    const added: LoggedEvent[] = [];
    const shards = await database.execute("SELECT DISTINCT shard FROM audit_batch ORDER BY shard");
    for (const { shard } of shards) added.push(...(await this.#advanceShard(database, Number(shard))));
    return added;
  }

  /** The record of a call that was answered with this RequestId. */
  find(requestId: string): LoggedEvent | undefined {
    return this.#events.get(requestId);
  }

  get events(): Iterable<LoggedEvent> {
    return this.#events.values();
  }

  get eventCount(): number {
    return this.#events.size;
  }

  /** The events of each batch of a log, in order; the first has seq 1. */
  batches(shard: number): readonly (readonly LoggedEvent[])[] {
    return this.#shards.get(shard)?.batches ?? [];
  }

  get shards(): readonly number[] {
    return [...this.#shards.keys()];
  }

  async #advanceShard(database: DatabaseAccess, id: number): Promise<readonly LoggedEvent[]> {
    let shard = this.#shards.get(id);
    if (shard === undefined) {
      shard = { batches: [], frontier: Frontier.empty() };
      this.#shards.set(id, shard);
    }
    const known = shard.batches.length;
    const statement = "SELECT * FROM audit_batch WHERE shard = $1 AND seq > $2 ORDER BY seq";
    for (const row of await database.execute(statement, [id, known])) this.#append(shard, readBatchRow(row));
    return shard.batches.slice(known).flat();
  }

  #append(shard: Shard, row: BatchRow): void {
    const place = `batch ${row.seq} of shard ${row.shard}`;
    if (row.seq !== shard.batches.length + 1) this.problems.push(`${place} follows batch ${shard.batches.length}`);
    if (row.firstIndex !== shard.frontier.size) this.problems.push(`${place} does not begin where the log ends`);
    const texts = openEvents(row);
    if (texts === undefined) throw new Error(`${place} has lost its events: no rig lets retention drop any`);
    const leaves = [...texts.map((text) => leafHash(Buffer.from(text))), leafHash(batchHeader(row, row.events))];
    shard.frontier = shard.frontier.append(leaves);
    if (!Buffer.concat(leaves).equals(row.leaves)) this.problems.push(`${place} does not have its events' leaves`);
    if (!shard.frontier.encode().equals(row.frontier)) this.problems.push(`${place} does not continue the log's tree`);
    const events = texts.map((text) => toEvent(JSON.parse(text) as StoredEvent, row));
    for (const event of events) {
      if (this.#events.has(event.requestId)) this.problems.push(`${event.requestId} is on record twice`);
      this.#events.set(event.requestId, event);
    }
    shard.batches.push(events);
  }
}

function toEvent(event: StoredEvent, { shard, seq }: BatchRow): LoggedEvent {
  return {
    requestId: event.eventId,
    name: event.eventName,
    errorCode: event.errorCode,
    isCall: event.eventType === "ApiCall",
    data: event.additionalEventData,
    shard,
    seq,
  };
}
