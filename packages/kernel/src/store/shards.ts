import { randomBytes, randomUUID } from "node:crypto";
import { Frontier } from "@cinnabar/merkle-log";
import type { Kysely } from "kysely";
import { sealBatch } from "../audit/batch-codec.ts";
import { encodeSystemEvent } from "../audit/system-event.ts";
import type { NodeKey } from "../custody/node-key.ts";
import { aheadOfEpoch, insertBatchRow, readLastBatch } from "./batch-rows.ts";
import type { OwnShard } from "./committer.ts";
import type { ControlRunner, ControlTransaction } from "./control.ts";
import type { KernelSchema } from "./schema.ts";
import { TamperedRowError } from "./row-guard.ts";
import { shardSumPlace } from "./sum-places.ts";

/** What opening and closing a shard stands on. */
export interface ShardContext {
  readonly control: ControlRunner;
  readonly region: string;
  /** Of this process. */
  readonly nodeKey: NodeKey;
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
export function openShard({ control, region, nodeKey }: ShardContext, node: string): Promise<OwnShard> {
  const incarnation = randomBytes(16);
  return control.run(async (transaction) => {
    const db = transaction.kernel;
    const known = await db.selectFrom("shard").select(["id", "closed"]).where("node", "=", node).executeTakeFirst();
    const id = known?.id ?? (await nextShardId(db));
    if (known === undefined) {
      await db.insertInto("shard").values({ id, node, tag: incarnation, closed: 0 }).execute();
    } else {
      // Who still writes to the shard waits for this row from here on, and then finds another tag and the marker.
      await db.updateTable("shard").set({ closed: 0 }).where("id", "=", id).execute();
    }
    await nodeKey.register(transaction, id);
    await assertNoneAhead(transaction);
    const isInDoubt = known?.closed === 0;
    const shard = await resume(transaction, { id, incarnation });
    const result = isInDoubt && shard.frontier.size > 0 ? await markCrash(transaction, { shard, region }) : shard;
    const event = encodeSystemEvent({
      name: "OpenShard",
      region,
      eventId: randomUUID().toUpperCase(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: { shard: id, node, incarnation: incarnation.toString("hex"), closedBefore: !isInDoubt },
    });
    return { result, event };
  });
}

/**
 * Records that the shard ends here: nothing in its log is in doubt.
 *
 * @throws Error if another process has written to the shard: it is not this one's to close.
 */
export async function closeShard(context: ShardContext, shard: OwnShard): Promise<void> {
  await context.control.run(async (transaction) => {
    const last = await readLastBatch(transaction.kernel, shard.id);
    if ((last?.seq ?? 0) !== shard.seq - 1) throw new Error(`shard ${shard.id} belongs to another process now`);
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

async function resume(
  { kernel, guard }: ControlTransaction,
  shard: { readonly id: number; readonly incarnation: Uint8Array },
): Promise<OwnShard> {
  const last = await readLastBatch(kernel, shard.id);
  if (last === undefined) return { ...shard, seq: 1, frontier: Frontier.empty(), sum: 0n };
  return {
    ...shard,
    seq: last.seq + 1,
    frontier: Frontier.decode(last.frontier),
    sum: guard.openSum(last.sum, shardSumPlace(shard.id, last.seq)),
  };
}

/**
 * No batch commits at an epoch that has not begun: what says so comes from another state of the store.
 *
 * @throws TamperedRowError
 */
async function assertNoneAhead({ kernel, epoch: next }: ControlTransaction): Promise<void> {
  const epoch = next - 1;
  for (const { id: shard } of await kernel.selectFrom("shard").select("id").execute()) {
    const last = await kernel
      .selectFrom("audit_batch")
      .select("epoch")
      .where("shard", "=", shard)
      .orderBy("seq", "desc")
      .limit(1)
      .executeTakeFirst();
    if (last !== undefined && last.epoch > epoch) {
      throw new TamperedRowError("epoch", aheadOfEpoch({ shard, last: last.epoch, epoch }));
    }
  }
}

async function markCrash(
  { kernel, guard, now, epoch }: ControlTransaction,
  { shard, region }: { readonly shard: OwnShard; readonly region: string },
): Promise<OwnShard> {
  const { id, seq, incarnation } = shard;
  const event = encodeSystemEvent({
    name: "MarkCrash",
    region,
    eventId: randomUUID().toUpperCase(),
    time: now,
    epoch,
    data: { shard: id, inDoubtSeq: seq - 1 },
  });
  const sum = guard.protectSum(shard.sum, shardSumPlace(id, seq));
  const identity = { shard: id, seq, incarnation, epoch, time: now, sum };
  const { row, frontier } = sealBatch(identity, { frontier: shard.frontier, events: [event] });
  await insertBatchRow(kernel, row);
  return { ...shard, seq: seq + 1, frontier };
}

async function nextShardId(db: Kysely<KernelSchema>): Promise<number> {
  const { last } = await db
    .selectFrom("shard")
    .select((builder) => builder.fn.max("id").as("last"))
    .executeTakeFirstOrThrow();
  return (last ?? 0) + 1;
}
