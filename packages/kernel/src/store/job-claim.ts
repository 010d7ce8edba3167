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
 * A claim that would last more than twice as long as it may was taken while that clock was wrong, and counts for nothing.
 * (Not just longer: another node may have read the clock a little later than this one, and claimed since.)
 *
 * @param claim.node - who takes it: 32 hexadecimal digits.
 * @param claim.millis - how long, in milliseconds, if it is not taken longer meanwhile; the same on every node.
 * @returns false if another node has it.
 */
export async function claimJob(
  backend: Backend,
  claim: { readonly job: string; readonly node: string; readonly millis: number },
): Promise<boolean> {
  const now = await backend.clock();
  const known = await look(backend, { ...claim, now });
  if (known !== undefined) return known;
  return backend.transaction("write", async (connection) => {
    const db = kyselyOn<KernelSchema>(backend.kind, connection);
    const taken =
      await sql`insert into job (name, node, until) values (${claim.job}, ${claim.node}, ${now + claim.millis})
      on conflict (name) do update set node = excluded.node, until = excluded.until
      where job.node = excluded.node or job.until <= ${now} or job.until > ${now + 2 * claim.millis}`.execute(db);
    return taken.numAffectedRows === 1n;
  });
}

/**
 * Whether the node has the job, where that is known without writing: another node has it, or this one for half of its time
 * at least. Every node asks for every job again and again.
 */
async function look(
  backend: Backend,
  { job, node, millis, now }: { job: string; node: string; millis: number; now: number },
): Promise<boolean | undefined> {
  const claimed = await kyselyOn<KernelSchema>(backend.kind, backend.reader)
    .selectFrom("job")
    .select(["node", "until"])
    .where("name", "=", job)
    .executeTakeFirst();
  const left = (claimed?.until ?? 0) - now;
  if (claimed === undefined || left <= 0 || left > 2 * millis) return undefined;
  if (claimed.node !== node) return false;
  return left >= millis / 2 && left <= millis ? true : undefined;
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
