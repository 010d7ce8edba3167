import { randomBytes, randomUUID } from "node:crypto";
import { Frontier } from "@cinnabar/merkle-log";
import type { Kysely } from "kysely";
import { sealBatch } from "../audit/batch-codec.ts";
import { encodeSystemEvent } from "../audit/system-event.ts";
import type { Backend, BatchRow, SqlConnection } from "./backend.ts";
import { readBatchRow } from "./batch-columns.ts";
import type { OwnShard } from "./committer.ts";
import type { ControlRunner } from "./control.ts";
import type { EntityCache } from "./entity-cache.ts";
import type { RowGuard } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { shardSumPlace } from "./sum-places.ts";

/** What opening and closing a shard stands on. */
export interface ShardContext {
  readonly backend: Backend;
  readonly control: ControlRunner;
  readonly cache: EntityCache;
  readonly guard: RowGuard;
  readonly region: string;
}

/**
 * Gives a node its shard: a new one at its first start, its own again later. Opening is a control transaction, so no
 * other one can miss the shard when it hands out its tag.
 *
 * If the node's last process ended without closing the shard, a marker batch says that the answers of the last batch
 * may not have been received. The marker also takes the shard from that process should it still be alive.
 *
 * @param node - 32 hexadecimal digits that name the node.
 */
export async function openShard(context: ShardContext, node: string): Promise<OwnShard> {
  const incarnation = randomBytes(16);
  const opened = await context.control.run(async (transaction) => {
    const db = transaction.kernel;
    const known = await db.selectFrom("shard").select(["id", "closed"]).where("node", "=", node).executeTakeFirst();
    const id = known?.id ?? (await nextShardId(db));
    if (known === undefined) {
      await db.insertInto("shard").values({ id, node, tag: incarnation, closed: 0 }).execute();
    } else {
      await db.updateTable("shard").set({ closed: 0 }).where("id", "=", id).execute();
    }
    const inDoubt = known !== undefined && known.closed === 0;
    const event = encodeSystemEvent({
      name: "OpenShard",
      region: context.region,
      eventId: randomUUID().toUpperCase(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: { shard: id, node, incarnation: incarnation.toString("hex"), closedBefore: !inDoubt },
    });
    return { result: { id, inDoubt, now: transaction.now }, event };
  });
  const shard = await resume(context, { id: opened.id, incarnation });
  return opened.inDoubt && shard.frontier.size > 0 ? markCrash(context, shard, opened.now) : shard;
}

/**
 * Records that the shard ends here: nothing in its log is in doubt.
 *
 * @throws Error if another process has written to the shard: it is not this one's to close.
 */
export async function closeShard(context: ShardContext, shard: OwnShard): Promise<void> {
  await context.control.run(async (transaction) => {
    const { last } = await transaction.kernel
      .selectFrom("audit_batch")
      .select((builder) => builder.fn.max("seq").as("last"))
      .where("shard", "=", shard.id)
      .executeTakeFirstOrThrow();
    if ((last ?? 0) !== shard.seq - 1) throw new Error(`shard ${shard.id} belongs to another process now`);
    await transaction.kernel.updateTable("shard").set({ closed: 1 }).where("id", "=", shard.id).execute();
    const event = encodeSystemEvent({
      name: "CloseShard",
      region: context.region,
      eventId: randomUUID().toUpperCase(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: {
        shard: shard.id,
        lastSeq: shard.seq - 1,
        size: shard.frontier.size,
        root: shard.frontier.root().toString("base64"),
      },
    });
    return { result: undefined, event };
  });
}

/** The last batch of a shard's log. */
export async function readLastBatch(connection: SqlConnection, shard: number): Promise<BatchRow | undefined> {
  const { rows } = await connection.execute(
    `SELECT * FROM audit_batch WHERE shard = ${shard} ORDER BY seq DESC LIMIT 1`,
    [],
  );
  return rows[0] === undefined ? undefined : readBatchRow(rows[0]);
}

async function resume(
  context: ShardContext,
  shard: { readonly id: number; readonly incarnation: Uint8Array },
): Promise<OwnShard> {
  const last = await readLastBatch(context.backend.reader, shard.id);
  if (last === undefined) return { ...shard, seq: 1, frontier: Frontier.empty(), sum: 0n };
  return {
    ...shard,
    seq: last.seq + 1,
    frontier: Frontier.decode(last.frontier),
    sum: context.guard.openSum(last.sum, shardSumPlace(shard.id, last.seq)),
  };
}

/** @param time - store time in milliseconds. */
async function markCrash(context: ShardContext, shard: OwnShard, time: number): Promise<OwnShard> {
  for (;;) {
    const { id, incarnation } = shard;
    const epoch = context.cache.epoch;
    const event = encodeSystemEvent({
      name: "MarkCrash",
      region: context.region,
      eventId: randomUUID().toUpperCase(),
      time,
      epoch: epoch.value,
      data: { shard: id, inDoubtSeq: shard.seq - 1 },
    });
    const sealed = sealBatch(
      {
        shard: id,
        seq: shard.seq,
        incarnation,
        epoch: epoch.value,
        time,
        sum: context.guard.protectSum(shard.sum, shardSumPlace(id, shard.seq)),
      },
      { frontier: shard.frontier, events: [event] },
    );
    const commit = { row: sealed.row, tag: epoch.tag, inserts: [], window: undefined };
    const outcome = await context.backend.commitBatch(commit);
    if (outcome.kind === "committed") return { ...shard, seq: shard.seq + 1, frontier: sealed.frontier };
    if (outcome.kind === "failed") throw new Error("the store takes no batch", { cause: outcome.cause });
    // The epoch moved, the old process was still alive and wrote one more, or the answer was lost: look again.
    await context.cache.refresh();
    const next = await resume(context, { id, incarnation });
    const last = await readLastBatch(context.backend.reader, id);
    if (last !== undefined && Buffer.compare(last.incarnation, incarnation) === 0) return next;
    shard = next;
  }
}

async function nextShardId(db: Kysely<KernelSchema>): Promise<number> {
  const { last } = await db
    .selectFrom("shard")
    .select((builder) => builder.fn.max("id").as("last"))
    .executeTakeFirstOrThrow();
  return (last ?? 0) + 1;
}
