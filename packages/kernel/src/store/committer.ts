import { Frontier } from "@cinnabar/merkle-log";
import { sealBatch } from "../audit/batch-codec.ts";
import type { EncodedEvent } from "../audit/event.ts";
import type { StoreClock } from "../platform/store-clock.ts";
import type { CallTrace } from "../platform/tracing.ts";
import type { Backend, BatchCommit, BatchOutcome, BatchRow, SqlConnection, TimeWindow } from "./backend.ts";
import { readBatchRow } from "./batch-columns.ts";
import { type EntityCache, sameTag } from "./entity-cache.ts";
import type { RowChange } from "./protected-table.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import { addSums, type RowGuard, TamperedRowError } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { compareShardTag, foreignTag } from "./shard-tag.ts";
import { shardSumPlace } from "./sum-places.ts";

/** Most events of one batch. */
export const MAX_BATCH_EVENTS = 512;
/** Most events that one correction names: more than a batch can bring, and few enough for one entry of the log. */
const MAX_CORRECTIONS = 1000;
/** Length of the queue at which what was answered 503 is taken out: a database that hangs must not fill the memory. */
const PURGE_LENGTH = 1024;
/**
 * Misses of a batch, or times that a request was run again, after which the batch takes the epoch's lock, so that a
 * stream of control transactions cannot starve anybody.
 */
const MISSES_BEFORE_ESCALATION = 2;
/** Refusals of a batch under the epoch's lock, other than for conflicts, after which it is no chance: the log cannot be written. */
const REFUSALS_BEFORE_ALARM = 3;
/** A batch in flight for longer than this means that the log cannot be written, in milliseconds. */
const UNHEALTHY_AFTER_MILLIS = 2_000;
/** Longest wait for the requests that a batch's answers bring about, in milliseconds. */
const GATHER_MILLIS = 2;
/** Share of the last batch that is waited for, and the least number of its events for which it is worth to wait. */
const GATHER_SHARE = 0.75;
const GATHER_EVENTS = 8;
/** Most requests that a batch waits for whose slow work goes on, and the least number of them for which it is worth to wait. */
const GATHER_SLOW = 8;
const GATHER_SLOW_EVENTS = 3;
/** Pause before a batch that the database could not take is offered again, in milliseconds. */
const RETRY_PAUSE_MILLIS = 50;

/** One request's place in the queue; it outlives the request's being run again. */
export interface Ticket {
  readonly eventId: string;
  /** Set once the request was answered 503 because its record took too long. */
  readonly abandoned: boolean;
  /** True if it has taken long already, by slow work: then it may as well wait a little for others like it. */
  readonly isPatient?: boolean;
  /** Its span, if calls are traced. */
  readonly trace?: CallTrace | undefined;
}

/** A finished request that waits for its record. */
export interface Submission {
  readonly ticket: Ticket;
  /** The event, as validated at this epoch. */
  encodeEvent(epoch: number): EncodedEvent;
  /** True while everything the answer depends on is still so in the cache. */
  isCurrent(): boolean;
  readonly window: TimeWindow | undefined;
  readonly inserts: readonly RowChange[];
  /**
   * Runs the request again on what is now known. Gives nothing if the request now takes another way and will be
   * answered there. Never rejects.
   *
   * @param isLocked - whether it is run under the epoch's lock, where no slow work may begin.
   */
  again(isLocked: boolean): Promise<Submission | undefined>;
  /** Hands the answer to the socket. The record is durable. Never throws. */
  settle(): void;
}

/** The shard that this process writes. */
export interface OwnShard {
  readonly id: number;
  /** 16 random bytes of this process. */
  readonly incarnation: Uint8Array;
  /** What the next batch stands at, and follows. */
  readonly seq: number;
  readonly frontier: Frontier;
  readonly sum: bigint;
}

/** A batch that stands in this process's log. */
export interface WrittenBatch {
  readonly shard: number;
  readonly seq: number;
  /** Leaves of the log up to the end of the batch. */
  readonly leaves: number;
  readonly events: readonly EncodedEvent[];
}

/** What the committer tells the outside. */
export interface CommitterObserver {
  /** After the answers have gone out. Of a batch whose outcome was unknown for a while, nobody is told. */
  committed(batch: WrittenBatch, commit: { millis: number; submissions: readonly Submission[] }): void;
  missed(): void;
  /** The database did not take a batch, or its answer was lost. */
  unavailable(cause: unknown): void;
  /** Somebody else wrote to what processes tell each other by. The process goes on by what it has read anew. */
  tampered(error: TamperedRowError): void;
  /** Another process owns the shard: this one must end at once. */
  fenced(reason: string): void;
}

/** A batch as it was sent, kept until it is known what stands at its seq. */
interface Attempt {
  readonly submissions: readonly Submission[];
  readonly corrected: readonly string[];
  readonly events: readonly EncodedEvent[];
  readonly row: BatchRow;
  readonly frontier: Frontier;
  readonly sum: bigint;
}

type Standing = { readonly kind: "nothing" } | { readonly kind: "mine"; readonly attempt: Attempt };

/**
 * Puts finished requests on record, many with one commit, and lets their answers go only then (docs/committer).
 *
 * One batch is in flight at a time; what arrives meanwhile is the next one. A batch commits only if no control
 * transaction has come in between; otherwise the cache is refreshed, what depended on the change is run again, and
 * the batch is offered again. After an unknown outcome the same seq is offered until it is known what stands there.
 */
export class Committer {
  readonly #backend: Backend;
  readonly #cache: EntityCache;
  readonly #guard: RowGuard;
  readonly #clock: StoreClock;
  readonly #observer: CommitterObserver;
  readonly #encodeCorrection: (eventIds: readonly string[], epoch: number) => string;
  readonly #readTime: () => Promise<number>;
  #shard: OwnShard;
  readonly #queue: Submission[] = [];
  /** Requests whose inserts met another row: each is run again and committed with no other insert beside it. */
  readonly #contested: Submission[] = [];
  /** Events on record whose request was answered 503. */
  #corrections: string[] = [];
  /** On record after an unknown outcome, but not known to be replicated until a later commit is. */
  readonly #unconfirmed: Submission[] = [];
  #confirming = false;
  /** Requests that are being run again beside the flush; they come back to the queue. */
  readonly #rerunning = new Set<Promise<void>>();
  /** How often a request was sent back to be run again. */
  readonly #reruns = new WeakMap<Ticket, number>();
  #running: Promise<void> | undefined;
  #stopped = false;
  #troubled = false;
  #inFlightSince = Number.POSITIVE_INFINITY;
  #lastBatchEvents = 0;
  /** Requests whose slow work goes on: they come to the queue when it is done. */
  #coming: { readonly size: number } | undefined;
  /** Ends the wait for more requests, once the queue is as long as that. */
  #gathering: { readonly length: number; readonly isPatient: boolean; readonly end: () => void } | undefined;

  constructor(options: {
    backend: Backend;
    cache: EntityCache;
    guard: RowGuard;
    clock: StoreClock;
    shard: OwnShard;
    observer: CommitterObserver;
    encodeCorrection: (eventIds: readonly string[], epoch: number) => string;
    /** The store's time as the database has it now. */
    readTime: () => Promise<number>;
  }) {
    this.#backend = options.backend;
    this.#cache = options.cache;
    this.#guard = options.guard;
    this.#clock = options.clock;
    this.#shard = options.shard;
    this.#observer = options.observer;
    this.#encodeCorrection = options.encodeCorrection;
    this.#readTime = options.readTime;
  }

  /** The shard's log as of the last batch known to stand. */
  get shard(): OwnShard {
    return this.#shard;
  }

  /** False while the database does not take batches, refuses them without a reason, or has not answered one for two seconds. */
  get isHealthy(): boolean {
    return !this.#troubled && performance.now() - this.#inFlightSince < UNHEALTHY_AFTER_MILLIS;
  }

  /** Requests that wait for a batch. */
  get queued(): number {
    return this.#queue.length;
  }

  submit(submission: Submission): void {
    this.#queue.push(submission);
    if (this.#queue.length % PURGE_LENGTH === 0) {
      this.#queue.splice(0, this.#queue.length, ...this.#queue.filter(({ ticket }) => !ticket.abandoned));
    }
    if (this.#gathering === undefined) this.#wake();
    else if (this.#endsGathering(submission, this.#gathering)) this.#gathering.end();
  }

  /** Names the requests whose slow work goes on, as many as there are at any time. */
  expect(coming: { readonly size: number }): void {
    this.#coming = coming;
  }

  /** Names an event that stands in the control log though its request was answered 503. */
  correct(eventId: string): void {
    this.#corrections.push(eventId);
    this.#wake();
  }

  /** Waits until everything submitted is settled, then takes no more. */
  async drain(): Promise<void> {
    while (this.#running !== undefined || this.#rerunning.size > 0) {
      await (this.#running ?? Promise.all(this.#rerunning));
    }
    this.#stopped = true;
  }

  #wake(): void {
    if (this.#running !== undefined || this.#stopped) return;
    // At the end of the turn, so that requests which arrived together share a batch.
    this.#running = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
        if (this.#hasWork()) this.#wake();
      });
  }

  #hasWork(): boolean {
    return (
      !this.#stopped &&
      (this.#queue.length > 0 || this.#contested.length > 0 || this.#corrections.length > 0 || this.#confirming)
    );
  }

  async #run(): Promise<void> {
    while (this.#hasWork()) {
      await this.#gather();
      await this.#commitNext();
    }
  }

  /**
   * Lets a short queue grow to nearly what the last batch had. Callers that wait for an answer send their next request
   * when they have it, all at about the same time: the few that came too late for their batch would otherwise take a
   * batch of their own, and a flush, between any two of the others.
   *
   * Requests that come from slow work come one by one: a batch for each would cost more than the work.
   */
  async #gather(): Promise<void> {
    if (this.#confirming || this.#queue.length === 0) return;
    const isPatient = this.#lastBatchEvents < GATHER_EVENTS;
    const length = isPatient ? this.#slowToCome() : this.#lastBatchEvents * GATHER_SHARE;
    if (this.#queue.length >= length) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MILLIS);
      // At the end of the turn, with all that came in it.
      const end = (): void => {
        clearTimeout(timer);
        setImmediate(resolve);
      };
      this.#gathering = { length, isPatient, end };
    });
    this.#gathering = undefined;
  }

  /** How many requests from slow work are to be waited for: none if anybody waits who did none. */
  #slowToCome(): number {
    const length = Math.min(GATHER_SLOW, this.#queue.length + (this.#coming?.size ?? 0));
    return length >= GATHER_SLOW_EVENTS && this.#queue.every(({ ticket }) => ticket.isPatient === true) ? length : 0;
  }

  #endsGathering({ ticket }: Submission, gathering: { readonly length: number; readonly isPatient: boolean }): boolean {
    return this.#queue.length >= gathering.length || (gathering.isPatient && ticket.isPatient !== true);
  }

  async #commitNext(): Promise<void> {
    // A batch that confirms the one before it carries no request: should it be in doubt, so is the other one, and
    // nobody else.
    let submissions = this.#confirming ? [] : this.#queue.splice(0, MAX_BATCH_EVENTS);
    const contested = this.#confirming ? undefined : this.#contested.shift();
    if (contested !== undefined) {
      // Its insert goes alone: whoever brings another one waits for the next batch.
      this.#queue.unshift(...submissions.filter(({ inserts }) => inserts.length > 0));
      submissions = submissions.filter(({ inserts }) => inserts.length === 0);
      const next = await contested.again(false);
      if (next !== undefined) submissions.push(next);
    }
    const attempts: Attempt[] = [];
    let refusals = 0;
    for (let misses = 0; ;) {
      submissions = submissions.filter(({ ticket }) => !ticket.abandoned);
      const escalates =
        misses >= MISSES_BEFORE_ESCALATION ||
        submissions.some((submission) => !submission.isCurrent() && this.#isStarving(submission));
      if (!escalates) submissions = this.#withoutStale(submissions);
      if (submissions.length === 0 && this.#corrections.length === 0 && !this.#confirming && attempts.length === 0) {
        return;
      }
      const startedAt = performance.now();
      this.#inFlightSince = startedAt;
      let outcome: BatchOutcome;
      let attempt: Attempt;
      if (escalates) {
        ({ outcome, attempt } = await this.#commitEscalated(submissions));
      } else {
        attempt = this.#seal(submissions);
        outcome = await this.#backend.commitBatch(this.#toCommit(attempt));
      }
      this.#inFlightSince = Number.POSITIVE_INFINITY;
      if (outcome.kind === "refused" && outcome.reason === undefined && escalates) refusals++;
      const isRefused = outcome.kind === "refused" && refusals >= REFUSALS_BEFORE_ALARM;
      this.#troubled = outcome.kind === "failed" || outcome.kind === "unknown" || isRefused;
      submissions = [...attempt.submissions];
      switch (outcome.kind) {
        case "committed":
          this.#clock.observe(outcome.time);
          this.#adopt(attempt);
          this.#sendBack(attempts);
          this.#confirm();
          this.#settle(attempt);
          this.#lastBatchEvents = attempt.row.eventCount;
          this.#observer.committed(
            { shard: attempt.row.shard, seq: attempt.row.seq, leaves: attempt.frontier.size, events: attempt.events },
            { millis: performance.now() - startedAt, submissions: attempt.submissions },
          );
          return;
        case "conflict":
          this.#contested.push(...submissions.filter(({ inserts }) => inserts.length > 0));
          submissions = submissions.filter(({ inserts }) => inserts.length === 0);
          break;
        case "failed":
          this.#observer.unavailable(outcome.cause);
          await pause();
          break;
        case "unknown":
          this.#observer.unavailable(outcome.cause);
          if (this.#backend.kind === "sqlite") {
            // After an I/O error what was written may be recovered at the next start: only a new process can tell.
            this.#stop("the disk did not confirm a commit");
            return;
          }
          // Until it is known what stands at this seq, only empty batches are offered for it: nobody of this attempt
          // may be run again and stand on record twice.
          attempts.push(attempt);
          submissions = [];
          await pause();
          break;
        case "refused":
          break;
      }
      if (outcome.kind === "refused" || attempts.length > 0) {
        const standing = await this.#look(attempts);
        if (standing === undefined) return;
        if (standing.kind === "mine") {
          this.#adopt(standing.attempt);
          this.#sendBack(attempts.filter((attempt) => attempt !== standing.attempt));
          for (const submission of standing.attempt.submissions) {
            if (submission.ticket.abandoned) this.#corrections.push(submission.ticket.eventId);
            else this.#unconfirmed.push(submission);
          }
          this.#confirming = true;
          return;
        }
        if (outcome.kind === "refused") {
          this.#observer.missed();
          // Under the epoch's lock only the database itself refuses (a deadlock): it gets time to settle.
          if (escalates) await pause();
          if (isRefused) this.#observer.unavailable(new RefusedBatchError(attempt.row));
          misses++;
        }
        await this.#refresh();
      }
    }
  }

  /** Sends what depended on a change back to be run again, and keeps the rest. */
  #withoutStale(submissions: readonly Submission[]): Submission[] {
    const current: Submission[] = [];
    for (const submission of submissions) {
      if (submission.isCurrent()) current.push(submission);
      else this.#runAgain(submission);
    }
    return current;
  }

  #runAgain(submission: Submission): void {
    const { ticket } = submission;
    this.#reruns.set(ticket, (this.#reruns.get(ticket) ?? 0) + 1);
    const rerun = submission.again(false).then((next) => {
      this.#rerunning.delete(rerun);
      if (next !== undefined) this.submit(next);
    });
    this.#rerunning.add(rerun);
  }

  #isStarving({ ticket }: Submission): boolean {
    return (this.#reruns.get(ticket) ?? 0) >= MISSES_BEFORE_ESCALATION;
  }

  /** Puts the requests of attempts that are certainly not on record back to the head of the queue. */
  #sendBack(attempts: readonly Attempt[]): void {
    this.#queue.unshift(...attempts.flatMap(({ submissions }) => submissions));
  }

  async #commitEscalated(submissions: readonly Submission[]): Promise<{ outcome: BatchOutcome; attempt: Attempt }> {
    let sealed: Attempt | undefined;
    try {
      return await this.#backend.escalate(async (batch) => {
        await this.#cache.refresh();
        await this.#restoreTag(batch.connection);
        const current = await Promise.all(
          submissions.map(async (submission) => (submission.isCurrent() ? submission : submission.again(true))),
        );
        const attempt = this.#seal(current.filter((submission) => submission !== undefined));
        sealed = attempt;
        return { outcome: await batch.commit(this.#toCommit(attempt)), attempt };
      });
    } catch (cause) {
      const attempt = sealed ?? this.#seal(submissions);
      return { outcome: { kind: sealed === undefined ? "failed" : "unknown", cause }, attempt };
    }
  }

  /**
   * Gives the shard's row the epoch's tag, under the epoch's lock, if it does not have it: only somebody else can have
   * taken it away, and no batch would commit any more until the next control transaction.
   */
  async #restoreTag(connection: SqlConnection): Promise<void> {
    const { kind } = this.#backend;
    const { id } = this.#shard;
    const { tag } = this.#cache.epoch;
    const found = await compareShardTag({ kind, connection, shard: id });
    // The cache's epoch is authenticated; the one that is locked may be newer, and then there is another try.
    if (found === undefined || found.isSame || !sameTag(found.epochTag, tag)) return;
    this.#observer.tampered(new TamperedRowError("shard", foreignTag(id)));
    await kyselyOn<KernelSchema>(kind, connection)
      .updateTable("shard")
      .set({ tag })
      .where("id", "=", id)
      .where("closed", "=", 0)
      .execute();
  }

  #seal(submissions: readonly Submission[]): Attempt {
    const { id, incarnation, seq, frontier } = this.#shard;
    const epoch = this.#cache.epoch.value;
    const corrected = this.#corrections.slice(0, MAX_CORRECTIONS);
    const events: EncodedEvent[] = submissions.map((submission) => submission.encodeEvent(epoch));
    if (corrected.length > 0) events.push({ text: this.#encodeCorrection(corrected, epoch) });
    let sum = this.#shard.sum;
    for (const { inserts } of submissions) for (const { sumDelta } of inserts) sum = addSums(sum, sumDelta);
    const sealed = sealBatch(
      {
        shard: id,
        seq,
        incarnation,
        epoch,
        time: this.#clock.now(),
        sum: this.#guard.protectSum(sum, shardSumPlace(id, seq)),
      },
      { frontier, events: events.map(({ text }) => text) },
    );
    return { submissions, corrected, events, row: sealed.row, frontier: sealed.frontier, sum };
  }

  #toCommit(attempt: Attempt): BatchCommit {
    const inserts: BatchCommit["inserts"] = attempt.submissions.flatMap((submission) =>
      submission.inserts.map(({ statement }) => statement),
    );
    return { row: attempt.row, tag: this.#cache.epoch.tag, inserts, window: intersection(attempt.submissions) };
  }

  #adopt(attempt: Attempt): void {
    const { id, incarnation, seq } = this.#shard;
    this.#shard = { id, incarnation, seq: seq + 1, frontier: attempt.frontier, sum: attempt.sum };
    this.#corrections = this.#corrections.filter((eventId) => !attempt.corrected.includes(eventId));
  }

  #confirm(): void {
    this.#confirming = false;
    for (const submission of this.#unconfirmed.splice(0)) this.#settleOne(submission);
  }

  #settle(attempt: Attempt): void {
    for (const submission of attempt.submissions) this.#settleOne(submission);
  }

  #settleOne(submission: Submission): void {
    // Answered 503 while its batch was under way: the record stands, so the log must say what was answered.
    if (submission.ticket.abandoned) this.#corrections.push(submission.ticket.eventId);
    else submission.settle();
  }

  /** What stands at this shard's next seq; `undefined` if another process owns the shard. Waits until it is known. */
  async #look(attempts: readonly Attempt[]): Promise<Standing | undefined> {
    const { id, seq, incarnation } = this.#shard;
    for (;;) {
      try {
        const { rows } = await this.#backend.reader.execute(
          `SELECT * FROM audit_batch WHERE shard = ${id} AND seq = ${seq}`,
          [],
        );
        const [raw] = rows;
        if (raw === undefined) {
          const loss = await this.#findLoss();
          if (loss === undefined) return { kind: "nothing" };
          this.#stop(loss);
          return undefined;
        }
        const row = readBatchRow(raw);
        const attempt = attempts.find((sent) => sameTag(sent.row.frontier, row.frontier));
        if (attempt !== undefined && sameTag(row.incarnation, incarnation)) return { kind: "mine", attempt };
        this.#stop(`another process has written batch ${seq} of shard ${id}`);
        return undefined;
      } catch (cause) {
        this.#observer.unavailable(cause);
        await pause();
      }
    }
  }

  /** Why this process may not go on, although nothing stands at its next seq. */
  async #findLoss(): Promise<string | undefined> {
    const { id, seq, frontier } = this.#shard;
    const { rows: shards } = await this.#backend.reader.execute(`SELECT closed FROM shard WHERE id = ${id}`, []);
    if (shards[0]?.["closed"] !== 0) return `shard ${id} was closed`;
    if (frontier.size === 0) return undefined;
    const { rows } = await this.#backend.reader.execute(
      `SELECT frontier FROM audit_batch WHERE shard = ${id} AND seq = ${seq - 1}`,
      [],
    );
    const last = rows[0]?.["frontier"];
    return last instanceof Uint8Array && sameTag(last, frontier.encode())
      ? undefined
      : `batch ${seq - 1} of shard ${id}, which this process had committed, is no longer in the store`;
  }

  #stop(reason: string): void {
    this.#stopped = true;
    this.#observer.fenced(reason);
  }

  async #refresh(): Promise<void> {
    for (;;) {
      try {
        await this.#cache.refresh();
        this.#clock.check(await this.#readTime());
        return;
      } catch (cause) {
        this.#observer.unavailable(cause);
        await pause();
      }
    }
  }
}

/** The database refuses a batch under the epoch's lock, over and over, though nothing stands in its way. */
class RefusedBatchError extends Error {
  override readonly name = "RefusedBatchError";

  constructor({ shard, seq }: BatchRow) {
    super(`batch ${seq} of shard ${shard} is refused though the epoch is locked: somebody else writes to the database`);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MILLIS));
}

function intersection(submissions: readonly Submission[]): TimeWindow | undefined {
  let window: TimeWindow | undefined;
  for (const { window: other } of submissions) {
    if (other === undefined) continue;
    window =
      window === undefined
        ? other
        : { from: Math.max(window.from, other.from), until: Math.min(window.until, other.until) };
  }
  return window;
}
