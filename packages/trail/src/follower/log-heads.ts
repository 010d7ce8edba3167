import { CONTROL_SHARD } from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import type { TrailSchema } from "../schema.ts";

/** Where a log ends, and how far it has been followed. */
export interface LogHead {
  /** 0 for the control log. */
  readonly shard: number;
  /** Its last batch. */
  readonly seq: number;
  /** Store time of the last batch in milliseconds since 1970: no event is later, unless the clock was reset since. */
  readonly time: number;
  /** Its leaves up to the end of the last batch. */
  readonly leaves: number;
  /** The last batch that has been followed, 0 if none has. */
  readonly followed: number;
  /** What follows it: the log's tail. */
  readonly tail: { readonly batches: number; readonly events: number };
}

interface HeadRow {
  readonly shard: number;
  readonly seq: number;
  readonly time: number;
  readonly leaves: number;
  readonly followed: number;
  readonly followed_leaves: number;
}

/** The heads of all logs that have a batch, as of one moment: a call that was answered before is in one of them. */
export async function readLogHeads(db: Kysely<unknown>): Promise<LogHead[]> {
  const { rows } = await sql<HeadRow>`
    select log.id as shard, last.seq, last.time, last.first_index + last.event_count + 1 as leaves,
      coalesce(follower.seq, 0) as followed, coalesce(follower.leaves, 0) as followed_leaves
    from (select ${sql.lit(CONTROL_SHARD)} as id union all select id from shard) as log
    join audit_batch as last
      on last.shard = log.id and last.seq = (select max(seq) from audit_batch where shard = log.id)
    left join trail_follower as follower on follower.shard = log.id
    order by log.id`.execute(db);
  return rows.map(({ shard, seq, time, leaves, followed, followed_leaves: followedLeaves }) => {
    // Every batch has one leaf more than events.
    const batches = seq - followed;
    return { shard, seq, time, leaves, followed, tail: { batches, events: leaves - followedLeaves - batches } };
  });
}

/** The last batch of a log that has been followed, 0 if none has: what comes after it is needed by the follower still. */
export async function followedUpTo(db: Kysely<unknown>, shard: number): Promise<number> {
  const row = await trail(db).selectFrom("trail_follower").select("seq").where("shard", "=", shard).executeTakeFirst();
  return row?.seq ?? 0;
}

/** A connection typed with the tables of this package. */
export function trail(db: Kysely<unknown>): Kysely<TrailSchema> {
  return db.$extendTables<TrailSchema>();
}
