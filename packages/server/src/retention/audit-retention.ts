import { setTimeout } from "node:timers/promises";
import {
  alarm,
  CONTROL_SHARD,
  countVolume,
  dropBodies,
  type DropPlan,
  type DropScope,
  kyselyOn,
  type Logger,
  type Metrics,
  passBodies,
  planDrop,
  readProgress,
  readStoreTime,
  readUndropped,
  readVolume,
  type RetentionRule,
  type Store,
  TamperedRowError,
  VOLUME_DAY_MILLIS,
} from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import { SteadyClock } from "../destruction/steady-clock.ts";
import type { Job } from "../jobs/index.ts";
import { type RetentionPolicy, retentionStep } from "./retention-policy.ts";

/** Longest piece, in milliseconds: between two of them the node's claim on the job is made longer. */
const PIECE_MILLIS = 2_000;
const MAX_PAUSE_MILLIS = 60_000;
const MIN_PAUSE_MILLIS = 1_000;
/** Before anything is dropped for its age, the store's time has run evenly for so long, in milliseconds. */
const STEADY_MILLIS = 3_600_000;
/**
 * How long one control transaction is to change batches under the epoch's lock, in milliseconds: as many as fit in are
 * dropped. Its commit takes as long with one of them.
 */
const WORK_MILLIS = 15;
const FEWEST_BATCHES = 64;
const MOST_BATCHES = 2_048;
/** Logs with batches in one transaction: its record stays smaller than the largest event. */
const MOST_LOGS = 64;
/** After each one, it rests so many times as long as it held the lock. */
const REST_FACTOR = 4;
/** Below the largest size by this share when it ends, so that a log at its largest gets few records. */
const SIZE_MARGIN = 0.02;
/** Pause between two lines that say that the log is too large all the same, in milliseconds. */
const COMPLAINT_MILLIS = 3_600_000;

/** What derives something from event bodies, and is told when they are gone. */
export interface BodyReader {
  /** The last batch of a log that it needs no more. */
  followedUpTo(db: Kysely<unknown>, shard: number): Promise<number>;
  /** Bodies of batches before `seq` are gone, if they may go; those before `from` were gone the last time. */
  forgetBefore(db: Kysely<unknown>, shard: number, seq: number, from?: number): Promise<void>;
}

/** What retention needs of a store. */
export type RetainedStore = Pick<Store, "backend" | "guard" | "control" | "region" | "reader" | "signer">;

/** Counts what the audit log gets day by day, and drops event bodies that are too old or too many, on record. */
export class AuditRetention implements Job {
  readonly name = "audit-retention";
  readonly everyMillis: number;
  readonly #store: RetainedStore;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #policy: RetentionPolicy;
  readonly #readers: readonly BodyReader[];
  readonly #clock: SteadyClock;
  /** Another process may have been killed between the two. */
  #isForgetting = true;
  #done = { records: 0, batches: 0, events: 0, bytes: 0, heldMillis: 0 };
  #batchesAtOnce = FEWEST_BATCHES;
  #complainedAt = Number.NEGATIVE_INFINITY;

  /** @param options.clock - says for how long the store's time has run evenly. */
  constructor(options: {
    store: RetainedStore;
    log: Logger;
    metrics: Metrics;
    policy: RetentionPolicy;
    readers: readonly BodyReader[];
    clock?: SteadyClock;
  }) {
    this.#clock = options.clock ?? new SteadyClock();
    this.#store = options.store;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#policy = options.policy;
    this.#readers = options.readers;
    const { keepMillis } = options.policy;
    const step = keepMillis === undefined ? MAX_PAUSE_MILLIS : retentionStep(keepMillis);
    this.everyMillis = Math.min(MAX_PAUSE_MILLIS, Math.max(MIN_PAUSE_MILLIS, step));
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const turn = { signal, endsAt: performance.now() + PIECE_MILLIS };
    this.#done = { records: 0, batches: 0, events: 0, bytes: 0, heldMillis: 0 };
    try {
      if (this.#isForgetting) await this.#forgetDropped();
      return (await this.#count(turn)) || (await this.#dropOld(turn)) || (await this.#dropTooMany(turn));
    } catch (error) {
      if (!(error instanceof TamperedRowError)) throw error;
      this.#metrics.tamperedRows.add();
      this.#log.error({ ...alarm("tampered-row"), err: error }, "the audit log's volume was tampered with");
      return false;
    } finally {
      if (this.#done.records > 0) this.#log.info(this.#done, "retention dropped event bodies");
    }
  }

  /** Each of these: @returns true if time is up and more is due. */
  async #count(turn: Turn): Promise<boolean> {
    for (const shard of await this.#listLogs()) {
      while (await countVolume(this.#store, shard)) if (isOver(turn)) return true;
    }
    return isOver(turn);
  }

  async #dropOld(turn: Turn): Promise<boolean> {
    const { keepMillis } = this.#policy;
    if (keepMillis === undefined) return false;
    const step = retentionStep(keepMillis);
    const now = await readStoreTime(this.#store.backend);
    if (this.#clock.look(now) < Math.min(STEADY_MILLIS, step)) return false;
    const before = Math.floor((now - keepMillis) / step) * step;
    const rule = { rule: "age", keepSeconds: Math.floor(keepMillis / 1000) } as const;
    while ((await this.#dropPiece(rule, { before, bytes: Infinity })) !== undefined) if (isOver(turn)) return true;
    return false;
  }

  async #dropTooMany(turn: Turn): Promise<boolean> {
    const { maxBytes } = this.#policy;
    if (maxBytes === undefined) return false;
    const { bytes, days } = await this.#measure();
    if (bytes <= maxBytes) return false;
    let excess = bytes - maxBytes * (1 - SIZE_MARGIN);
    const rule = { rule: "size", maxBytes } as const;
    for (const day of days) {
      while (excess > 0) {
        const dropped = await this.#dropPiece(rule, { before: (day + 1) * VOLUME_DAY_MILLIS, bytes: excess });
        if (dropped === undefined) break;
        excess -= dropped;
        if (isOver(turn)) return true;
      }
    }
    if (excess > maxBytes * SIZE_MARGIN) this.#complain(maxBytes);
    return false;
  }

  /** @returns the bytes that were dropped; `undefined` if there is nothing to drop. */
  async #dropPiece(
    rule: RetentionRule,
    limits: { readonly before: number; readonly bytes: number },
  ): Promise<number | undefined> {
    const plans: DropPlan[] = [];
    let [room, bytes] = [this.#batchesAtOnce, limits.bytes];
    for (const shard of await this.#listLogs()) {
      if (room <= 0 || bytes <= 0 || plans.length === MOST_LOGS) break;
      const scope = await this.#scope(shard, limits.before);
      if (scope === undefined) continue;
      const plan = await planDrop(this.#store, scope, { batches: room, bytes });
      this.#tellDamage(plan);
      if (plan.batches.length === 0) {
        if (plan.to > scope.after) await passBodies(this.#store, plan);
        continue;
      }
      plans.push(plan);
      room -= plan.batches.length;
      for (const { storedBytes } of plan.batches) bytes -= storedBytes;
    }
    if (plans.length === 0) return undefined;
    return this.#drop(rule, plans);
  }

  async #drop(rule: RetentionRule, plans: readonly DropPlan[]): Promise<number> {
    const dropped = await dropBodies(this.#store, plans, rule);
    if (dropped === undefined) return 0;
    const { batches, events, bytes, heldMillis, workMillis } = dropped;
    this.#metrics.eventsDropped.add(events);
    const done = this.#done;
    this.#done = {
      records: done.records + 1,
      batches: done.batches + batches,
      events: done.events + events,
      bytes: done.bytes + bytes,
      heldMillis: Math.max(done.heldMillis, Math.ceil(heldMillis)),
    };
    // Twice as many at most, and twice as fast down: one slow commit is no measure.
    const fitting = Math.round(this.#batchesAtOnce * Math.min(2, Math.max(0.5, WORK_MILLIS / workMillis)));
    this.#batchesAtOnce = Math.min(MOST_BATCHES, Math.max(FEWEST_BATCHES, fitting));
    await this.#forget(plans);
    await setTimeout(heldMillis * REST_FACTOR, undefined, { ref: false });
    return bytes;
  }

  async #forgetDropped(): Promise<void> {
    for (const shard of await this.#listLogs()) {
      const { droppedTo: to } = await readProgress(this.#store, shard);
      if (to > 0) await this.#forget([{ shard, after: 0, to }]);
    }
    this.#isForgetting = false;
  }

  async #forget(plans: readonly Pick<DropPlan, "shard" | "after" | "to">[]): Promise<void> {
    const { backend } = this.#store;
    await backend.transaction("write", async (connection) => {
      const db = kyselyOn<unknown>(backend.kind, connection);
      for (const { shard, after, to } of plans)
        for (const reader of this.#readers) await reader.forgetBefore(db, shard, to + 1, after + 1);
    });
  }

  /** What may go of a log: never its last batch, nor what was not counted, or is needed by a reader still. */
  async #scope(shard: number, before: number): Promise<DropScope | undefined> {
    const { countedTo, droppedTo: after } = await readProgress(this.#store, shard);
    const undropped = await readUndropped(this.#store, { shard, after });
    if (undropped === undefined || undropped.time >= before) return undefined;
    const { reader } = this.#store;
    const followed = await Promise.all(this.#readers.map((body) => body.followedUpTo(reader, shard)));
    const last = Math.min(undropped.lastSeq - 1, countedTo, ...followed);
    return last > after ? { shard, after, last, before } : undefined;
  }

  /** The log's size as far as it can be dropped, and the days that have something to drop, verified. */
  async #measure(): Promise<{ bytes: number; days: number[] }> {
    const days = new Set<number>();
    let bytes = 0;
    for (const shard of await this.#listLogs()) {
      const { droppedTo } = await readProgress(this.#store, shard);
      for (const { row } of await readVolume(this.#store, shard)) {
        bytes += row.tree_bytes;
        if (row.last_seq <= droppedTo) continue;
        bytes += row.body_bytes - row.dropped_bytes;
        days.add(row.day);
      }
    }
    return { bytes, days: [...days].toSorted((a, b) => a - b) };
  }

  async #listLogs(): Promise<number[]> {
    const { rows } = await sql<{ id: number }>`select id from shard order by id`.execute(this.#store.reader);
    return [CONTROL_SHARD, ...rows.map(({ id }) => id)];
  }

  #tellDamage({ shard, damaged }: DropPlan): void {
    if (damaged.length === 0) return;
    this.#metrics.tamperedRows.add(damaged.length);
    this.#log.error(
      { ...alarm("tampered-row"), shard, batches: damaged.slice(0, 20), count: damaged.length },
      "batches of the audit log were tampered with, and are kept as they are: run cinnabar audit verify",
    );
  }

  #complain(maxBytes: number): void {
    const now = performance.now();
    if (now - this.#complainedAt < COMPLAINT_MILLIS) return;
    this.#complainedAt = now;
    this.#log.warn(
      { maxBytes },
      "the audit log is larger than it may be, and nothing is left to drop: leaves stay for ever",
    );
  }
}

interface Turn {
  readonly signal: AbortSignal;
  readonly endsAt: number;
}

function isOver({ signal, endsAt }: Turn): boolean {
  return signal.aborted || performance.now() >= endsAt;
}
