import { ApiError, Lru, type RequestContext, TurnTaker } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { type LogHead, readLogHeads } from "../follower/log-heads.ts";
import { type BatchRange, parseEventAt, readBatches } from "../follower/read-batches.ts";
import { type KeyUsage, toKeyUsage } from "./key-usage.ts";
import { keyUses } from "./key-use.ts";
import { UNCOUNTED_OPERATIONS } from "./recount-migration.ts";
import { addCounts, addUse, DAY_MILLIS, emptyCounts, KEPT_DAYS, type KeyCounts } from "./usage-counts.ts";
import { readUsage, type UsageUpTo } from "./usage-repository.ts";

/** A tail that is longer is not read: the follower has just begun with the log of an earlier version, and works on it. */
const MAX_TAIL_EVENTS = 100_000;
/** The same while batches are held: some milliseconds of work. */
const MAX_HELD_EVENTS = 8_192;
/** Events between two turns of the event loop. */
const TURN_EVENTS = 256;
/** Calls that wait for their control transaction at the same time, or somewhat more. */
const REMEMBERED_KEYS = 16;
const START = { seq: 0, leaves: 0 };

interface Key {
  readonly accountId: string;
  readonly keyId: string;
}

/**
 * Reads the uses of a key: all of those whose call was answered before, and nothing twice.
 *
 * What the follower has added up and how far it had come are read at one moment, and the rest of the logs afterwards: a
 * batch that is in the log stays there.
 */
export class KeyUsageReader {
  readonly #operations: ReadonlySet<string>;
  /** What was read for calls that are to change something on the strength of it, by key. */
  readonly #remembered = new Lru<string, UsageUpTo>(REMEMBERED_KEYS);

  /** @param operations - as {@link usageContributor} has them. */
  constructor(operations: ReadonlySet<string>) {
    this.#operations = operations;
  }

  /**
   * The uses as they are. Days before the kept ones are left out.
   *
   * @throws ApiError `ServiceUnavailableTemporary` while so much of the log has not been followed yet that it would take
   * too long.
   */
  async read({ log, now }: Pick<RequestContext, "log" | "now">, key: Key): Promise<KeyUsage> {
    return toKeyUsage(key, (await this.#readUpToNow(log, { key, now })).counts);
  }

  /**
   * The uses as they are until the control transaction is over, if the call has one: no batch commits meanwhile. A call
   * is evaluated before it gets there, and what was read then is not read again, wherever the follower has come since.
   *
   * @throws ApiError `ServiceUnavailableTemporary` if there is more to read than others can wait for.
   */
  async readHeld(context: Pick<RequestContext, "log" | "now" | "holdBatches">, key: Key): Promise<KeyUsage> {
    const { log, now } = context;
    if (!(await context.holdBatches())) {
      const usage = await this.#readUpToNow(log, { key, now });
      this.#remembered.set(key.keyId, usage);
      return toKeyUsage(key, usage.counts);
    }
    const known = this.#remembered.get(key.keyId) ?? (await readUsage(log, { keyId: key.keyId, now }));
    const { counts } = await this.#readFurther(log, { key, known, now, maxEvents: MAX_HELD_EVENTS });
    return toKeyUsage(key, counts);
  }

  async #readUpToNow(log: Kysely<unknown>, { key, now }: { key: Key; now: number }): Promise<UsageUpTo> {
    const known = await readUsage(log, { keyId: key.keyId, now });
    return this.#readFurther(log, { key, known, now, maxEvents: MAX_TAIL_EVENTS });
  }

  /** What is known, and what has come since: the logs from the places on that it goes up to. */
  async #readFurther(
    log: Kysely<unknown>,
    options: { key: Key; known: UsageUpTo; now: number; maxEvents: number },
  ): Promise<UsageUpTo> {
    const { key, known, now, maxEvents } = options;
    const heads = await readLogHeads(log);
    if (eventsSince(known, heads) > maxEvents) {
      throw new ApiError("ServiceUnavailableTemporary", "The audit log is still being added up. Try again in a while.");
    }
    const further = emptyCounts();
    for (const { shard, after, last } of known.uncounted) {
      await addBatches(further, log, { ...key, shard, after, last, operations: UNCOUNTED_OPERATIONS });
    }
    for (const { shard, seq: last } of heads) {
      const after = (known.places.get(shard) ?? START).seq;
      await addBatches(further, log, { ...key, shard, after, last, operations: this.#operations });
    }
    const counts = structuredClone(known.counts);
    addCounts(counts, further);
    const today = Math.floor(now / DAY_MILLIS);
    for (const day of counts.days.keys()) if (day <= today - KEPT_DAYS) counts.days.delete(day);
    const places = new Map(heads.map(({ shard, seq, leaves }) => [shard, { seq, leaves }]));
    return { counts, places, uncounted: [] };
  }
}

async function addBatches(
  counts: KeyCounts,
  log: Kysely<unknown>,
  { keyId, operations, ...range }: BatchRange & { readonly keyId: string; readonly operations: ReadonlySet<string> },
): Promise<void> {
  const turns = new TurnTaker();
  const { shard } = range;
  // It stands as it is in every event that names it: parsing the others would be most of the work.
  const needle = JSON.stringify(keyId).slice(1, -1);
  for await (const { seq, events } of readBatches(log, range)) {
    for (const [index, text] of events.entries()) {
      if (index % TURN_EVENTS === 0) await turns.give();
      const event = text.includes(needle) ? parseEventAt({ shard, seq, index }, text) : undefined;
      if (event === undefined) continue;
      for (const use of keyUses(event, operations)) if (use.keyId === keyId) addUse(counts, use);
    }
  }
}

/** How many events are to be read, to know all there is. */
function eventsSince({ places, uncounted }: UsageUpTo, heads: readonly LogHead[]): number {
  let events = uncounted.reduce((sum, part) => sum + part.events, 0);
  for (const { shard, seq, leaves } of heads) {
    const place = places.get(shard) ?? START;
    // Every batch has one leaf more than events.
    events += leaves - place.leaves - (seq - place.seq);
  }
  return events;
}
