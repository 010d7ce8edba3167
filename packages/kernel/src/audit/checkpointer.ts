import { Frontier, type NoteSigner, signCheckpoint } from "@cinnabar/merkle-log";
import { sql } from "kysely";
import type { Backend } from "../store/backend.ts";
import { CONTROL_SHARD } from "../store/control.ts";
import { kyselyOn } from "../store/kysely-dialect.ts";
import { type RowGuard, TamperedRowError } from "../store/row-guard.ts";
import type { KernelSchema } from "../store/schema.ts";
import { epochSumPlace } from "../store/sum-places.ts";

/** The origin line of a log's checkpoints: the deployment's origin and the log's name. */
export function logOrigin(origin: string, shard: number): string {
  return shard === CONTROL_SHARD ? `${origin}/control` : `${origin}/shard/${shard}`;
}

/** The log whose checkpoints have this origin line; `undefined` if it is not one of the deployment's. */
export function parseLogOrigin(origin: string, line: string): number | undefined {
  if (line === logOrigin(origin, CONTROL_SHARD)) return CONTROL_SHARD;
  const shard = Number(line.slice(line.lastIndexOf("/") + 1));
  return Number.isSafeInteger(shard) && shard > 0 && line === logOrigin(origin, shard) ? shard : undefined;
}

/** A checkpoint that was signed and stored. */
export interface SignedCheckpoint {
  /** 0 for the control log. */
  readonly shard: number;
  /** The signed note (C2SP tlog-checkpoint). */
  readonly note: string;
}

/** Signs the heads of the logs that this process can vouch for, and stores the newest checkpoint of each. */
export class Checkpointer {
  readonly #backend: Backend;
  readonly #guard: RowGuard;
  readonly #signer: NoteSigner;
  readonly #signedSize = new Map<number, number>();

  constructor(options: { backend: Backend; guard: RowGuard; signer: NoteSigner }) {
    this.#backend = options.backend;
    this.#guard = options.guard;
    this.#signer = options.signer;
  }

  /**
   * Signs what has grown since the last time: the control log as it stands, and the process's own shard.
   *
   * @returns the new checkpoints.
   * @throws {@link TamperedRowError} if the control log does not end with the epoch's own entry.
   */
  async run(own: { readonly id: number; readonly frontier: Frontier } | undefined): Promise<SignedCheckpoint[]> {
    const control = await this.#controlFrontier();
    const signed: SignedCheckpoint[] = [];
    signed.push(...(await this.#sign(CONTROL_SHARD, control)));
    if (own !== undefined) signed.push(...(await this.#sign(own.id, own.frontier)));
    return signed;
  }

  /** The control log's head, which is the entry of the epoch that the store is at: both carry the same sealed sum. */
  async #controlFrontier(): Promise<Frontier> {
    const db = kyselyOn<KernelSchema>(this.#backend.kind, this.#backend.reader);
    const row = await db
      .selectFrom("epoch")
      .innerJoin("audit_batch", (join) =>
        join
          .onRef("audit_batch.seq", "=", "epoch.value")
          .onRef("audit_batch.incarnation", "=", "epoch.tag")
          .onRef("audit_batch.sum", "=", "epoch.sum"),
      )
      .select(["epoch.value", "epoch.tag", "epoch.time", "epoch.clock_offset", "epoch.clock_epoch", "epoch.sum"])
      .select(["epoch.changes", "audit_batch.frontier"])
      .where("epoch.id", "=", 1)
      .where("audit_batch.shard", "=", CONTROL_SHARD)
      .executeTakeFirst();
    if (row === undefined) throw new TamperedRowError("audit_batch", "the control log does not end as the epoch says");
    this.#guard.openSum(row.sum, epochSumPlace(row));
    return Frontier.decode(row.frontier);
  }

  async #sign(shard: number, frontier: Frontier): Promise<SignedCheckpoint[]> {
    const { size } = frontier;
    if (size === 0 || size === this.#signedSize.get(shard)) return [];
    const origin = logOrigin(this.#signer.name, shard);
    const note = signCheckpoint({ origin, size, root: frontier.root() }, this.#signer);
    await this.#backend.transaction("write", async (connection) => {
      const db = kyselyOn<KernelSchema>(this.#backend.kind, connection);
      // Another node may have signed a larger head of the control log in the meantime.
      await sql`insert into checkpoint (shard, size, note) values (${shard}, ${size}, ${note})
        on conflict (shard) do update set size = excluded.size, note = excluded.note
        where checkpoint.size < excluded.size`.execute(db);
    });
    this.#signedSize.set(shard, size);
    return [{ shard, note }];
  }
}
