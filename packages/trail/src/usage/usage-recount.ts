import { type Backend, kyselyOn } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { readSegment } from "../follower/read-segment.ts";
import { UNCOUNTED_OPERATIONS } from "./recount-migration.ts";
import { usageContributor } from "./usage-contributor.ts";

interface RecountRow {
  readonly shard: number;
  readonly seq: number;
  readonly leaves: number;
  readonly last_seq: number;
  readonly last_leaves: number;
}
type RecountSchema = { key_usage_recount: RecountRow };

/** How long one piece of work may take, in milliseconds. */
const PIECE_MILLIS = 1_000;
const CONTRIBUTORS = [usageContributor(UNCOUNTED_OPERATIONS)];

/** Another node has counted the same batches meanwhile. */
class CountedElsewhereError extends Error {
  override readonly name = "CountedElsewhereError";
}

/**
 * Counts what an earlier version left out of what it had followed, once for each store. Whoever reads usage meanwhile reads
 * the rest of it itself. It adds to what the follower adds to, and is for the same job: two that add at once find room for
 * the same last name of a key.
 */
export class UsageRecount {
  readonly #backend: Backend;
  /** Nothing is left, and nothing comes again. */
  #isOver = false;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Counts for at most a second or so. @returns true if more is left. */
  async run(signal: AbortSignal): Promise<boolean> {
    const until = performance.now() + PIECE_MILLIS;
    const db = kyselyOn<unknown>(this.#backend.kind, this.#backend.reader);
    while (!this.#isOver && !signal.aborted) {
      const row = await recounts(db).selectAll().orderBy("shard").limit(1).executeTakeFirst();
      if (row === undefined) this.#isOver = true;
      else await this.#count(db, row);
      if (performance.now() > until) return !this.#isOver;
    }
    return false;
  }

  /** Counts the next segment of a log, unless another node does. */
  async #count(db: Kysely<unknown>, row: RecountRow): Promise<void> {
    const { shard, seq, last_seq: last } = row;
    const read = await readSegment(db, { shard, after: seq, last }, CONTRIBUTORS);
    const { segment, digests = [] } = read ?? {};
    const writes = segment && (await Promise.all(digests.map(async (digest) => digest.finish(segment, db))));
    const { kind } = this.#backend;
    try {
      await this.#backend.transaction("write", async (connection) => {
        const db = kyselyOn<unknown>(kind, connection);
        await advance(db, row, read && { seq: read.segment.lastSeq, leaves: read.leaves });
        for (const write of writes ?? []) await write(db, kind);
      });
    } catch (error) {
      if (!(error instanceof CountedElsewhereError)) throw error;
    }
  }
}

/** What retention must ask: the bodies of which batches are needed still. */
export const recountedBodies = {
  /** The last batch of a log that has been counted; infinity if nothing of it is left. */
  async followedUpTo(db: Kysely<unknown>, shard: number): Promise<number> {
    const row = await recounts(db).select("seq").where("shard", "=", shard).executeTakeFirst();
    return row?.seq ?? Number.POSITIVE_INFINITY;
  },
  /** Counts outlive what they were made from. */
  forgetBefore: (): Promise<void> => Promise.resolve(),
};

/** Moves on from where the log had been counted to, or ends there. */
async function advance(
  db: Kysely<unknown>,
  { shard, seq: from, last_seq: last }: RecountRow,
  to: { readonly seq: number; readonly leaves: number } | undefined,
): Promise<void> {
  const rows = db.$extendTables<RecountSchema>();
  if (to === undefined || to.seq >= last) {
    const { numDeletedRows: deleted } = await rows
      .deleteFrom("key_usage_recount")
      .where("shard", "=", shard)
      .where("seq", "=", from)
      .executeTakeFirstOrThrow();
    if (deleted === 1n) return;
  } else {
    const { numUpdatedRows: updated } = await rows
      .updateTable("key_usage_recount")
      .set(to)
      .where("shard", "=", shard)
      .where("seq", "=", from)
      .executeTakeFirstOrThrow();
    if (updated === 1n) return;
  }
  throw new CountedElsewhereError(`log ${shard} was counted beyond batch ${from} meanwhile`);
}

function recounts(db: Kysely<unknown>) {
  return db.$extendTables<RecountSchema>().selectFrom("key_usage_recount");
}
