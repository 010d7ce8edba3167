import { sql } from "kysely";
import type { Backend } from "./backend.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import type { KernelSchema } from "./schema.ts";

/**
 * Takes a job for this node, or takes it longer, so that the other nodes of the deployment leave it alone.
 *
 * It only spares work: what a job does must be right if two nodes do it at once, because a claim ends by time, by the
 * database's clock, whoever is still working.
 *
 * @param claim.node - who takes it: 32 hexadecimal digits.
 * @param claim.millis - how long, in milliseconds, if it is not taken longer meanwhile.
 * @returns false if another node has it.
 */
export async function claimJob(
  backend: Backend,
  claim: { readonly job: string; readonly node: string; readonly millis: number },
): Promise<boolean> {
  const now = await backend.clock();
  return backend.transaction("write", async (connection) => {
    const db = kyselyOn<KernelSchema>(backend.kind, connection);
    const taken =
      await sql`insert into job (name, node, until) values (${claim.job}, ${claim.node}, ${now + claim.millis})
      on conflict (name) do update set node = excluded.node, until = excluded.until
      where job.node = excluded.node or job.until <= ${now}`.execute(db);
    return taken.numAffectedRows === 1n;
  });
}

/** Lets a job go at once, for the next node that asks. */
export async function releaseJob(
  backend: Backend,
  claim: { readonly job: string; readonly node: string },
): Promise<void> {
  await backend.transaction("write", async (connection) => {
    const db = kyselyOn<KernelSchema>(backend.kind, connection);
    await db.deleteFrom("job").where("name", "=", claim.job).where("node", "=", claim.node).execute();
  });
}
