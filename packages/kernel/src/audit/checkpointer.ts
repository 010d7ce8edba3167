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
   * @returns how many checkpoints were written.
   */
  async run(own: { readonly id: number; readonly frontier: Frontier } | undefined): Promise<number> {
    const db = kyselyOn<KernelSchema>(this.#backend.kind, this.#backend.reader);
    const control = await readLastBatch(db, CONTROL_SHARD);
    let written = 0;
    if (control !== undefined) written += await this.#sign(CONTROL_SHARD, Frontier.decode(control.frontier));
    if (own !== undefined) written += await this.#sign(own.id, own.frontier);
    return written;
  }

  async #sign(shard: number, frontier: Frontier): Promise<number> {
    const { size } = frontier;
    if (size === 0 || size === this.#signedSize.get(shard)) return 0;
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
    return 1;
  }
}
