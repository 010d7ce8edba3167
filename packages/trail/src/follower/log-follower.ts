import { type Backend, kyselyOn } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { type LogHead, readLogHeads, trail } from "./log-heads.ts";
import type { SegmentContributor } from "./log-segment.ts";
import type { OwnTail, ReadSegment } from "./own-tail.ts";
import { readSegment } from "./read-segment.ts";

/**
 * A tail of so many events or batches is sealed. Every lookup reads the tails whole, batch by batch; but what is written
 * for each segment is dearer the fewer events it has, above all the usage of many keys.
 */
const DUE_EVENTS = 8_192;
const DUE_BATCHES = 256;
/** The tail of a log in which nothing has happened for so long is sealed whatever its length, in milliseconds. */
const QUIET_MILLIS = 60_000;
/** How long one piece of work may take, in milliseconds. */
const PIECE_MILLIS = 1_000;

/** Another node has sealed the same batches meanwhile. */
class SealedElsewhereError extends Error {
  override readonly name = "SealedElsewhereError";
}

/**
 * Follows every log of the deployment: divides it into segments and shows each to the contributors, exactly once.
 *
 * It never has to have come anywhere: whoever reads what is derived from the log reads the log's tail itself.
 */
export class LogFollower {
  readonly name = "follow-log";
  readonly everyMillis = 500;
  readonly #backend: Backend;
  readonly #contributors: readonly SegmentContributor[];
  readonly #own: OwnTail | undefined;
  readonly #now: () => number;

  /**
   * @param options.own - has the tail of this process's log for the same contributors; left out, all is read.
   * @param options.now - store time in milliseconds.
   */
  constructor(options: {
    readonly backend: Backend;
    readonly contributors: readonly SegmentContributor[];
    readonly own?: OwnTail | undefined;
    readonly now: () => number;
  }) {
    this.#backend = options.backend;
    this.#contributors = options.contributors;
    this.#own = options.own;
    this.#now = options.now;
  }

  /** Seals what is due, for at most a second or so. @returns true if more is due already. */
  async run(signal: AbortSignal): Promise<boolean> {
    const until = performance.now() + PIECE_MILLIS;
    const db = kyselyOn<unknown>(this.#backend.kind, this.#backend.reader);
    for (const head of await readLogHeads(db)) {
      this.#own?.firstOf(head.shard);
      if (!isDue(head, this.#now())) continue;
      if (signal.aborted) return false;
      await this.#seal(db, head);
      if (performance.now() > until) return true;
    }
    return (await readLogHeads(db)).some((head) => isDue(head, this.#now()));
  }

  /** Follows every log to where it ends now, however short the tails are. */
  async catchUp(): Promise<void> {
    const db = kyselyOn<unknown>(this.#backend.kind, this.#backend.reader);
    for (const { shard, seq } of await readLogHeads(db)) {
      for (;;) {
        const head = (await readLogHeads(db)).find((head) => head.shard === shard);
        if (head === undefined || head.followed >= seq) break;
        await this.#seal(db, head);
      }
    }
  }

  /** Seals the next segment of a log, unless another node does. */
  async #seal(db: Kysely<unknown>, head: LogHead): Promise<void> {
    const read = this.#own?.take(head.shard, head.followed + 1) ?? (await this.#read(db, head));
    if (read === undefined) return;
    const { segment, leaves, digests } = read;
    const writes = await Promise.all(digests.map(async (digest) => digest.finish(segment, db)));
    const { kind } = this.#backend;
    try {
      await this.#backend.transaction("write", async (connection) => {
        const db = kyselyOn<unknown>(kind, connection);
        await advance(db, { shard: head.shard, from: head.followed, seq: segment.lastSeq, leaves });
        for (const write of writes) await write(db, kind);
      });
    } catch (error) {
      if (!(error instanceof SealedElsewhereError)) throw error;
    }
  }

  /** Reads the next segment of a log, up to where this process has it already; `undefined` if there is nothing to read. */
  #read(
    db: Kysely<unknown>,
    { shard, followed, seq }: Pick<LogHead, "shard" | "followed" | "seq">,
  ): Promise<ReadSegment | undefined> {
    const own = this.#own?.firstOf(shard) ?? 0;
    const last = own > followed ? Math.min(seq, own - 1) : seq;
    return readSegment(db, { shard, after: followed, last }, this.#contributors);
  }
}

function isDue({ tail, time }: LogHead, now: number): boolean {
  if (tail.batches === 0) return false;
  return tail.events >= DUE_EVENTS || tail.batches >= DUE_BATCHES || now - time >= QUIET_MILLIS;
}

/** Moves the follower's position, from where it was when the segment was read. */
async function advance(
  db: Kysely<unknown>,
  { shard, from, seq, leaves }: { shard: number; from: number; seq: number; leaves: number },
): Promise<void> {
  const rows = trail(db);
  const moved =
    from === 0
      ? (
          await rows
            .insertInto("trail_follower")
            .values({ shard, seq, leaves })
            .onConflict((conflict) => conflict.doNothing())
            .executeTakeFirstOrThrow()
        ).numInsertedOrUpdatedRows
      : (
          await rows
            .updateTable("trail_follower")
            .set({ seq, leaves })
            .where("shard", "=", shard)
            .where("seq", "=", from)
            .executeTakeFirstOrThrow()
        ).numUpdatedRows;
  if (moved !== 1n) throw new SealedElsewhereError(`log ${shard} was followed beyond batch ${from} meanwhile`);
}
