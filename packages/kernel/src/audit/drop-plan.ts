import { setImmediate } from "node:timers/promises";
import { Frontier, HASH_BYTES, MerkleError } from "@cinnabar/merkle-log";
import type { Kysely } from "kysely";
import type { BatchRow } from "../store/backend.ts";
import { readBatchRow } from "../store/batch-columns.ts";
import { CONTROL_SHARD } from "../store/control.ts";
import { kyselyOn } from "../store/kysely-dialect.ts";
import type { KernelSchema } from "../store/schema.ts";
import { droppedEvents, hasItsHeader, headerLeaf, MalformedBatchError, openEvents } from "./batch-codec.ts";
import { isSystemEvent } from "./system-event.ts";
import type { VolumeContext } from "./volume.ts";

/** Batches read with one statement. */
const PAGE_BATCHES = 64;
/** How long batches are judged at a stretch, in milliseconds: then everything else on the event loop goes on. */
const TURN_MILLIS = 1;

/** The part of a log whose event bodies may go. */
export interface DropScope {
  readonly shard: number;
  /** The batch after which it begins. */
  readonly after: number;
  /** The last batch of it; the log goes on after that. */
  readonly last: number;
  /** Store time in milliseconds: what is of then or later stays. */
  readonly before: number;
}

export interface DroppableBatch {
  readonly seq: number;
  readonly time: number;
  readonly eventCount: number;
  readonly storedBytes: number;
  /** The leaf hash of its header. */
  readonly header: Uint8Array;
  /** What takes the place of the events. */
  readonly dropped: Uint8Array;
}

/** Batches of one log whose event bodies are to go. */
export interface DropPlan {
  readonly shard: number;
  /** It begins after this batch. */
  readonly after: number;
  /** Up to here nothing is left to do. */
  readonly to: number;
  readonly batches: readonly DroppableBatch[];
  /** Batches that are not what their header says, or not what the log's tree has. They stay: they are evidence. */
  readonly damaged: readonly number[];
  /** Whether the scope may have more. */
  readonly isMore: boolean;
}

/**
 * Finds the next batches of a log whose event bodies may go. Reads only, and outside of any lock: a batch never changes
 * but by retention.
 *
 * These stay: batches with an event that Cinnabar recorded about itself, by which a verifier judges the logs; the last
 * batch of each process, whose answers may be in doubt; and a batch that the tree's edges before and after it, or after
 * the next one, do not have as it is.
 *
 * @param limits - most batches, and about how many bytes.
 */
export async function planDrop(
  context: VolumeContext,
  scope: DropScope,
  limits: { readonly batches: number; readonly bytes: number },
): Promise<DropPlan> {
  const { shard, after } = scope;
  const db = kyselyOn<KernelSchema>(context.backend.kind, context.backend.reader);
  const batches: DroppableBatch[] = [];
  const damaged: number[] = [];
  let to = after;
  const plan = (isMore: boolean): DropPlan => ({ shard, after, to, batches, damaged, isMore });
  let edge = await readEdge(db, scope);
  let isInTree: boolean | undefined;
  let turnBegan = performance.now();
  for (let bytes = 0; ;) {
    // One more than a page: whether a batch is its process's last one shows in the next.
    const rows = await readPage(db, { shard, after: to });
    for (const [index, row] of rows.slice(0, PAGE_BATCHES).entries()) {
      const next = rows[index + 1];
      if (next === undefined || !isIn(scope, row)) return plan(false);
      if (batches.length >= limits.batches || bytes >= limits.bytes) return plan(true);
      isInTree ??= leadsTo(edge, row);
      const isNextInTree = leadsTo(row.frontier, next);
      const fate = isInTree ? fateOf(row, next) : "damaged";
      if (fate === "damaged") damaged.push(row.seq);
      // Otherwise it is judged in its turn.
      if (!isNextInTree && !isIn(scope, next)) damaged.push(next.seq);
      if (fate === "dropped" && isNextInTree) {
        const { seq, time, eventCount, events } = row;
        const storedBytes = events.length;
        batches.push({ seq, time, eventCount, storedBytes, header: headerLeaf(row), dropped: droppedEvents(events) });
        bytes += storedBytes;
      }
      to = row.seq;
      edge = row.frontier;
      isInTree = isNextInTree;
      if (performance.now() - turnBegan >= TURN_MILLIS) {
        await setImmediate();
        turnBegan = performance.now();
      }
    }
  }
}

function isIn({ last, before }: DropScope, { seq, time }: BatchRow): boolean {
  return seq <= last && time < before;
}

async function readPage(
  db: Kysely<KernelSchema>,
  { shard, after }: { readonly shard: number; readonly after: number },
): Promise<BatchRow[]> {
  const rows = await db
    .selectFrom("audit_batch")
    .selectAll()
    .where("shard", "=", shard)
    .where("seq", ">", after)
    .orderBy("seq")
    .limit(PAGE_BATCHES + 1)
    .execute();
  return rows.map(readBatchRow);
}

/** The encoded frontier before a scope; `undefined` if the batch before it is not there. */
async function readEdge(db: Kysely<KernelSchema>, { shard, after }: DropScope): Promise<Uint8Array | undefined> {
  if (after === 0) return Frontier.empty().encode();
  const row = await db
    .selectFrom("audit_batch")
    .select("frontier")
    .where("shard", "=", shard)
    .where("seq", "=", after)
    .executeTakeFirst();
  return row?.frontier;
}

/** Whether a batch's leaves lead from the frontier before it to its own. */
function leadsTo(before: Uint8Array | undefined, { leaves, frontier }: BatchRow): boolean {
  if (before === undefined || leaves.length % HASH_BYTES !== 0) return false;
  const hashes = Array.from({ length: leaves.length / HASH_BYTES }, (_, index) =>
    leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  );
  try {
    return Frontier.decode(before).append(hashes).isEncodedAs(frontier);
  } catch (error) {
    if (error instanceof MerkleError) return false;
    throw error;
  }
}

function fateOf(row: BatchRow, next: BatchRow): "dropped" | "kept" | "damaged" {
  try {
    const events = openEvents(row);
    if (!hasItsHeader(row)) return "damaged";
    if (events === undefined || events.some(isSystemEvent)) return "kept";
    const isLastOfProcess = row.shard !== CONTROL_SHARD && Buffer.compare(row.incarnation, next.incarnation) !== 0;
    return isLastOfProcess ? "kept" : "dropped";
  } catch (error) {
    // Somebody's own text may be no JSON.
    if (error instanceof MalformedBatchError || error instanceof SyntaxError) return "damaged";
    throw error;
  }
}
