import { randomBytes } from "node:crypto";
import {
  type AuditEvent,
  type Backend,
  encodeEvent,
  kernelMigrations,
  kyselyOn,
  migrate,
  openPostgresql,
  sealBatch,
  SqliteBackend,
} from "@cinnabar/kernel";
import { Frontier } from "@cinnabar/merkle-log";
import type { TestDatabase, TestDatabaseInstance } from "@cinnabar/testkit";
import type { Kysely } from "kysely";
import { eventIndex } from "../../src/event-index/event-index.ts";
import { type LogFollower as Follower, LogFollower } from "../../src/follower/log-follower.ts";
import { type LogHead, readLogHeads } from "../../src/follower/log-heads.ts";
import type { SegmentContributor } from "../../src/follower/log-segment.ts";
import { ColumnCache } from "../../src/lookup/column-cache.ts";
import type { EventQuery } from "../../src/lookup/event-query.ts";
import type { Position } from "../../src/lookup/position.ts";
import { type EventPage, searchEvents } from "../../src/lookup/search-events.ts";
import { trailMigrations } from "../../src/migrations.ts";
import type { TrailSchema } from "../../src/schema.ts";

export const ACCOUNT = "1234567890123456";
export const OTHER_ACCOUNT = "6543210987654321";
/** Store time of a test's first event, in milliseconds. */
export const START = Date.UTC(2026, 0, 2, 3, 4, 5);

export interface TestEvent {
  readonly at: number;
  readonly account?: string;
  readonly name?: string;
  readonly service?: string;
  readonly readWrite?: "Read" | "Write";
  readonly type?: AuditEvent["eventType"];
  readonly resourceName?: string | undefined;
  readonly address?: string;
  readonly accessKeyId?: string;
  readonly eventId?: string;
}

interface PageOptions {
  readonly limit?: number;
  readonly deadline?: number;
  /** Left out, the logs as they are. */
  readonly heads?: readonly LogHead[];
}

let events = 0;

/** An event's canonical JSON. */
export function textOf(event: TestEvent): string {
  return encodeEvent(eventOf(event));
}

export function eventOf(event: TestEvent): AuditEvent {
  const { account = ACCOUNT, resourceName } = event;
  return {
    acsRegion: "cn-hangzhou",
    additionalEventData: { epoch: 1 },
    apiVersion: "2016-01-20",
    eventId: event.eventId ?? `0F2B6C1E-7A55-4E0B-9D51-${(events++).toString(16).toUpperCase().padStart(12, "0")}`,
    eventName: event.name ?? "Encrypt",
    eventRW: event.readWrite ?? "Read",
    eventSource: "127.0.0.1",
    eventTime: event.at,
    eventType: event.type ?? "ApiCall",
    recipientAccountId: account,
    requestParameters: { KeyId: "some-key" },
    resourceName,
    resourceType: resourceName === undefined ? undefined : "ACS::KMS::Key",
    serviceName: event.service ?? "Kms",
    sourceIpAddress: event.address ?? "192.0.2.1",
    userAgent: "test",
    userIdentity: {
      accessKeyId: event.accessKeyId ?? "LTAI5tOne",
      accountId: account,
      principalId: account,
      type: "root-account",
      userName: "root",
    },
  };
}

/** Logs that a test writes itself, a follower of them, and lookups. */
export class LogWorld implements AsyncDisposable {
  readonly backend: Backend;
  readonly follower: Follower;
  cache = new ColumnCache();
  /** Store time in milliseconds. */
  now = START;
  readonly #instance: TestDatabaseInstance;
  readonly #ends = new Map<number, { seq: number; frontier: Frontier }>();

  private constructor(
    instance: TestDatabaseInstance,
    { backend, contributors }: { backend: Backend; contributors: readonly SegmentContributor[] },
  ) {
    this.#instance = instance;
    this.backend = backend;
    this.follower = new LogFollower({ backend, contributors, now: () => this.now });
  }

  static async open(
    database: TestDatabase,
    { contributors = [eventIndex] }: { contributors?: readonly SegmentContributor[] } = {},
  ): Promise<LogWorld> {
    const instance = await database.create();
    const backend =
      database.name === "sqlite"
        ? await SqliteBackend.open(instance.url.slice("sqlite:".length))
        : await openPostgresql(instance.url);
    await migrate(backend, [...kernelMigrations, ...trailMigrations]);
    return new LogWorld(instance, { backend, contributors });
  }

  get db(): Kysely<unknown> {
    return kyselyOn(this.backend.kind, this.backend.reader);
  }

  /** Appends a batch to a log, as a committed one stands there. @returns its seq. */
  async append(shard: number, events: readonly string[], { time = this.now } = {}): Promise<number> {
    const end = this.#ends.get(shard) ?? { seq: 0, frontier: Frontier.empty() };
    if (end.seq === 0 && shard !== 0) {
      const node = shard.toString(16).padStart(32, "0");
      await this.change((db) => db.insertInto("shard").values({ id: shard, node, tag: randomBytes(16), closed: 0 }));
    }
    const seq = end.seq + 1;
    const identity = { shard, seq, incarnation: randomBytes(16), epoch: 1, time, sum: new Uint8Array(112) };
    const { row, frontier } = sealBatch(identity, { frontier: end.frontier, events });
    await this.change((db) =>
      db.insertInto("audit_batch").values({
        ...identity,
        first_index: row.firstIndex,
        event_count: row.eventCount,
        events: row.events,
        leaves: row.leaves,
        frontier: row.frontier,
      }),
    );
    this.#ends.set(shard, { seq, frontier });
    return seq;
  }

  /** Leaves of a log, up to its end. */
  leavesOf(shard: number): number {
    return this.#ends.get(shard)?.frontier.size ?? 0;
  }

  /** Runs one statement that changes rows, behind everybody's back. */
  async change(statement: (db: Kysely<TrailSchema>) => { execute(): Promise<unknown> }): Promise<void> {
    await this.backend.transaction("write", (connection) =>
      statement(kyselyOn<TrailSchema>(this.backend.kind, connection)).execute(),
    );
  }

  /** One page of a query; by default all events of the account, without end. */
  async page(
    query: Partial<EventQuery> = {},
    { heads, ...page }: PageOptions & { after?: Position | undefined } = {},
  ): Promise<EventPage> {
    const { db, cache } = this;
    return searchEvents({
      db,
      cache,
      heads: heads ?? (await readLogHeads(db)),
      query: { accountId: ACCOUNT, attributes: [], direction: "BACKWARD", from: 0, to: 4_000_000_000, ...query },
      page: { limit: 50, after: undefined, deadline: Number.POSITIVE_INFINITY, ...page },
    });
  }

  /** The ids of all events of a query, page by page. */
  async all(query: Partial<EventQuery> = {}, page: PageOptions = {}): Promise<string[]> {
    const ids: string[] = [];
    let after: Position | undefined;
    do {
      const { events, next } = await this.page(query, { ...page, after });
      ids.push(...events.map(({ eventId }) => eventId));
      after = next;
    } while (after !== undefined);
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.close();
    await this.#instance.drop();
  }
}
