import { Frontier, type NoteSigner, signCheckpoint } from "@cinnabar/merkle-log";
import { sql } from "kysely";
import type { Backend } from "../store/backend.ts";
import { readLastBatch } from "../store/batch-rows.ts";
import { CONTROL_SHARD } from "../store/control.ts";
import { kyselyOn } from "../store/kysely-dialect.ts";
import type { KernelSchema } from "../store/schema.ts";

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
  readonly #signer: NoteSigner;
  readonly #signedSize = new Map<number, number>();

  constructor(options: { backend: Backend; signer: NoteSigner }) {
    this.#backend = options.backend;
    this.#signer = options.signer;
  }

  /**
   * Signs what has grown since the last time: the control log as it stands, and the process's own shard.
   *
   * @returns the new checkpoints.
   */
  async run(own: { readonly id: number; readonly frontier: Frontier } | undefined): Promise<SignedCheckpoint[]> {
    const db = kyselyOn<KernelSchema>(this.#backend.kind, this.#backend.reader);
    const control = await readLastBatch(db, CONTROL_SHARD);
    const signed: SignedCheckpoint[] = [];
    if (control !== undefined) signed.push(...(await this.#sign(CONTROL_SHARD, Frontier.decode(control.frontier))));
    if (own !== undefined) signed.push(...(await this.#sign(own.id, own.frontier)));
    return signed;
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
