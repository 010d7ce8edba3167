import { randomBytes } from "node:crypto";
import { Frontier } from "@cinnabar/merkle-log";
import type { Kysely } from "kysely";
import { sealBatch } from "../audit/batch-codec.ts";
import type { StoreClock } from "../platform/store-clock.ts";
import { type Backend, DatabaseAwayError, type SqlConnection, UnknownOutcomeError } from "./backend.ts";
import { insertBatchRow } from "./batch-rows.ts";
import { digestChanges } from "./change-digest.ts";
import {
  CHANGE_LIST_LENGTH,
  type EntityCache,
  type EntityFinder,
  type EntityKind,
  entityName,
  type EntityReader,
  type Epoch,
  sameTag,
} from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import { Mutex } from "./mutex.ts";
import type { RowChange } from "./protected-table.ts";
import { addSums, type RowGuard, TamperedRowError } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { epochSumPlace } from "./sum-places.ts";

/** The log of control transactions; its seq is the epoch's number. */
export const CONTROL_SHARD = 0;

const RESOLVE_PAUSE_MILLIS = 100;
/** Control transactions that may wait for their turn: more mean that the database hangs, and must not fill the memory. */
const MAX_WAITING = 1000;

/** A result stopped being true while its transaction was under way: it is computed again. */
class TooLateError extends Error {
  override readonly name = "TooLateError";
}

/** A row that a control transaction was to change is no longer as it was read under the same lock. */
export class LostRowError extends Error {
  override readonly name = "LostRowError";
}

/**
 * What a control transaction may do: everything it reads is current and stays so until it commits, because it holds
 * the epoch's lock and all other control transactions wait for it.
 */
export interface ControlTransaction extends EntityFinder {
  /** Store time of the transaction in milliseconds; it never goes back from one control transaction to the next. */
  readonly now: number;
  /** The number this transaction gives the epoch. */
  readonly epoch: number;
  /** The number of the one before, whose effects it sees. */
  readonly asOf: number;
  readonly db: Kysely<unknown>;
  /** The kernel's own tables. */
  readonly kernel: Kysely<KernelSchema>;
  readonly guard: RowGuard;
  /** As a request's context has it. */
  readonly allowsWork: false;
  /**
   * Lets no batch commit any more until the transaction is over: all that have committed are seen from here on. On SQLite
   * that is so from the beginning.
   *
   * @returns true, as a request's context has it.
   */
  holdBatches(): Promise<true>;
  /** True: nobody else can change it. */
  stillHolds(): Promise<true>;
  /** Writes one protected row and takes it into the set hash. @throws {@link LostRowError} if it touched no row. */
  write(change: RowChange): Promise<void>;
  /** Says that an entity changed: every process forgets it before its next answer. */
  touch(kind: EntityKind<object>, id: string): void;
}

export interface ControlOutcome<T> {
  readonly result: T;
  /** The event's canonical JSON. */
  readonly event: string;
  /** Store time before which the transaction must be committed for its result to hold. */
  readonly until?: number | undefined;
}

/** How a transaction moves the store's time. Nearly all leave it alone. */
export interface ClockMove {
  /** The one transaction that may take the store's time back: an operator's recorded clock reset. */
  readonly resetsClock?: boolean;
  /**
   * From the store's time to what it shall be instead, which is not earlier: the emulator's way. The store is ahead of
   * the database's clock by so much from then on.
   */
  readonly advance?: (now: number) => number;
}

/**
 * Runs control transactions: one at a time in the whole deployment, each with its event in the control log.
 *
 * Order of locks: the epoch first, the shards' rows last, so batches wait only for the commit itself.
 */
export class ControlRunner {
  readonly #backend: Backend;
  readonly #guard: RowGuard;
  readonly #cache: EntityCache;
  readonly #clock: StoreClock;
  readonly #fatal: (reason: string) => void;
  readonly #mutex = new Mutex();
  #waiting = 0;

  constructor(options: {
    backend: Backend;
    guard: RowGuard;
    cache: EntityCache;
    clock: StoreClock;
    /** Called when only a new process can tell what is on disk; ends this one. */
    fatal: (reason: string) => void;
  }) {
    this.#backend = options.backend;
    this.#guard = options.guard;
    this.#cache = options.cache;
    this.#clock = options.clock;
    this.#fatal = options.fatal;
  }

  /**
   * Runs `body` under the epoch's lock and commits what it wrote together with its event. If `body` throws, nothing
   * is written. After an unknown outcome it is found out whether the commit took effect before this returns; only
   * a transaction that certainly did not is run again.
   *
   * @throws {@link DatabaseAwayError} if too many wait already. {@link TamperedRowError} if the database keeps one of
   * the writes from being made by which other processes learn of the change; then nothing is written.
   */
  async run<T>(
    body: (transaction: ControlTransaction) => Promise<ControlOutcome<T>>,
    options: ClockMove = {},
  ): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new DatabaseAwayError("too many control transactions wait for the database");
    this.#waiting++;
    return this.#mutex.run(() => this.#run(body, options)).finally(() => this.#waiting--);
  }

  async #run<T>(body: (transaction: ControlTransaction) => Promise<ControlOutcome<T>>, options: ClockMove): Promise<T> {
    for (;;) {
      const tag = randomBytes(16);
      let done: Committed<T> | undefined;
      try {
        done = await this.#backend.transaction("write", async (connection) => {
          done = await this.#attempt(connection, { tag, body, ...options });
          return done;
        });
      } catch (error) {
        if (error instanceof TooLateError) continue;
        if (!(error instanceof UnknownOutcomeError) || done === undefined) throw error;
        if (this.#backend.kind === "sqlite") {
          this.#fatal("the disk did not confirm a commit");
          throw error;
        }
        if (!(await this.#tookEffect(done.epoch))) continue;
      }
      this.#clock.observe(done.time);
      this.#cache.advance(done.before, done.epoch, done.changed);
      return done.result;
    }
  }

  /** Waits until every transaction begun so far has ended, and whoever ran it has gone on with its outcome. */
  idle(): Promise<void> {
    return this.#mutex.run(() => new Promise((resolve) => setImmediate(resolve)));
  }

  async #attempt<T>(
    connection: SqlConnection,
    {
      tag,
      body,
      resetsClock = false,
      advance,
    }: ClockMove & {
      tag: Uint8Array;
      body: (transaction: ControlTransaction) => Promise<ControlOutcome<T>>;
    },
  ): Promise<Committed<T>> {
    const { kind } = this.#backend;
    const kernel = kyselyOn<KernelSchema>(kind, connection);
    const locked = kernel.selectFrom("epoch").selectAll().where("id", "=", 1);
    const before = await (kind === "postgresql" ? locked.forUpdate() : locked).executeTakeFirstOrThrow();
    const sumBefore = this.#guard.openSum(before.sum, epochSumPlace(before));
    const clock = await this.#backend.clock();
    const time = clock + before.clock_offset;
    // Not before what batches of this process have decided by: a clock that is set back a little revives nothing.
    const unmoved = resetsClock ? time : Math.max(before.time, time, this.#clock.now());
    const now = advance === undefined ? unmoved : advance(unmoved);
    if (now < unmoved) throw new RangeError("the store's time cannot be moved back");
    const clockOffset = advance === undefined ? before.clock_offset : now - clock;
    const value = before.value + 1;

    const transaction = new Transaction({ kind, connection, guard: this.#guard, now, epoch: value });
    const { result, event, until } = await body(transaction);

    const changed = [...transaction.touched];
    const changes = digestChanges(before.changes, { epoch: value, entities: changed });
    const epoch: Epoch = { value, tag, changes };
    const after = {
      ...epoch,
      time: now,
      clock_offset: clockOffset,
      clock_epoch: resetsClock ? epoch.value : before.clock_epoch,
    };
    const sum = this.#guard.protectSum(addSums(sumBefore, transaction.sumDelta), epochSumPlace(after));
    if (changed.length > 0) {
      const { numInsertedOrUpdatedRows } = await kernel
        .insertInto("change")
        .values(changed.map((entity) => ({ epoch: epoch.value, entity })))
        .executeTakeFirstOrThrow();
      assertWritten("change", Number(numInsertedOrUpdatedRows) === changed.length);
    }
    await kernel
      .deleteFrom("change")
      .where("epoch", "<=", epoch.value - CHANGE_LIST_LENGTH)
      .execute();
    await this.#append(connection, { epoch, now, sum, event });
    const { numUpdatedRows } = await kernel
      .updateTable("epoch")
      .set({ ...after, sum })
      .where("id", "=", 1)
      .executeTakeFirstOrThrow();
    assertWritten("epoch", numUpdatedRows === 1n);
    await kernel.updateTable("shard").set({ tag }).where("closed", "=", 0).execute();
    const other = kernel.selectFrom("shard").select("id").where("closed", "=", 0).where("tag", "<>", tag).limit(1);
    assertWritten("shard", (await other.executeTakeFirst()) === undefined);
    // From here on no batch commits before this transaction does: only now is it sure that the answer still holds.
    if (until !== undefined && (await this.#backend.clock()) + clockOffset >= until) throw new TooLateError();
    return { result, epoch, before: before.tag, changed, time: now };
  }

  async #append(
    connection: SqlConnection,
    entry: { epoch: Epoch; now: number; sum: Uint8Array; event: string },
  ): Promise<void> {
    const kernel = kyselyOn<KernelSchema>(this.#backend.kind, connection);
    const last = await kernel
      .selectFrom("audit_batch")
      .select("frontier")
      .where("shard", "=", CONTROL_SHARD)
      .where("seq", "=", entry.epoch.value - 1)
      .executeTakeFirst();
    if (last === undefined && entry.epoch.value > 1) {
      throw new Error(`the control log lacks its last entry, ${entry.epoch.value - 1}: run cinnabar audit verify`);
    }
    const { row } = sealBatch(
      {
        shard: CONTROL_SHARD,
        seq: entry.epoch.value,
        incarnation: entry.epoch.tag,
        epoch: entry.epoch.value,
        time: entry.now,
        sum: entry.sum,
      },
      { frontier: last === undefined ? Frontier.empty() : Frontier.decode(last.frontier), events: [entry.event] },
    );
    await insertBatchRow(kernel, row);
  }

  /** Takes the epoch's lock, behind which no commit can still be under way, and looks. */
  async #tookEffect(epoch: Epoch): Promise<boolean> {
    for (;;) {
      try {
        return await this.#backend.transaction("write", async (connection) => {
          const kernel = kyselyOn<KernelSchema>(this.#backend.kind, connection);
          // A write, so that this commit, and with it all before it, waits for a synchronous standby.
          await kernel.updateTable("epoch").set({ id: 1 }).where("id", "=", 1).execute();
          const row = await kernel
            .selectFrom("audit_batch")
            .select("incarnation")
            .where("shard", "=", CONTROL_SHARD)
            .where("seq", "=", epoch.value)
            .executeTakeFirst();
          return row !== undefined && sameTag(row.incarnation, epoch.tag);
        });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RESOLVE_PAUSE_MILLIS));
      }
    }
  }
}

/** What other processes go by must stand: a database that leaves out such a write would let them go on as before. */
function assertWritten(table: string, isWritten: boolean): void {
  if (!isWritten) throw new TamperedRowError(table, "the database did not do a write of a control transaction");
}

interface Committed<T> {
  readonly result: T;
  readonly epoch: Epoch;
  readonly before: Uint8Array;
  readonly changed: readonly string[];
  readonly time: number;
}

class Transaction implements ControlTransaction {
  readonly now: number;
  readonly epoch: number;
  readonly asOf: number;
  readonly db: Kysely<unknown>;
  readonly kernel: Kysely<KernelSchema>;
  readonly guard: RowGuard;
  readonly allowsWork = false;
  readonly touched = new Set<string>();
  sumDelta = 0n;
  readonly #kind: Backend["kind"];
  readonly #connection: SqlConnection;
  readonly #reader: EntityReader;

  constructor(options: {
    kind: Backend["kind"];
    connection: SqlConnection;
    guard: RowGuard;
    now: number;
    epoch: number;
  }) {
    this.#kind = options.kind;
    this.now = options.now;
    this.epoch = options.epoch;
    this.asOf = options.epoch - 1;
    this.#connection = options.connection;
    this.db = kyselyOn(options.kind, options.connection);
    this.kernel = kyselyOn(options.kind, options.connection);
    this.guard = options.guard;
    this.#reader = { db: this.db, guard: this.guard };
  }

  find<E extends object>(kind: EntityKind<E>, id: string): Promise<E | undefined> {
    return kind.load(this.#reader, id);
  }

  stillHolds(): Promise<true> {
    return Promise.resolve(true);
  }

  async holdBatches(): Promise<true> {
    if (this.#kind === "sqlite") return true;
    await this.kernel.selectFrom("shard").select("id").where("closed", "=", 0).orderBy("id").forUpdate().execute();
    return true;
  }

  async write(change: RowChange): Promise<void> {
    const { affected } = await this.#connection.execute(change.statement.sql, change.statement.parameters);
    if (affected !== 1) throw new LostRowError("a row changed although the epoch was locked");
    this.sumDelta += change.sumDelta;
  }

  touch(kind: EntityKind<object>, id: string): void {
    this.touched.add(entityName(kind, id));
  }
}
