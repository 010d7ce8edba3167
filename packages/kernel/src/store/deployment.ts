import type { Backend } from "./backend.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import { ProtectedTable, type RowOf } from "./protected-table.ts";
import type { RowGuard } from "./row-guard.ts";

const columns = {
  id: "integer",
  region: "text",
  /** First part of the origin of every log's checkpoints. */
  origin: "text",
  /** Public check value of the root key that the store is sealed under. */
  root_key_check: "text",
  /** C2SP verifier key of the checkpoints. */
  verifier_key: "text",
  wrapped_signing_key: "bytes",
  created_at: "integer",
} as const;

/** One row (id 1): what the store is. Written once, at init. */
export const deploymentTable = new ProtectedTable("deployment", { columns, identity: ["id"] });

export type DeploymentRow = RowOf<typeof columns>;

/** What can be known about a store without its root key; `undefined` if it was never initialised. Changes nothing. */
export async function peekDeployment(
  backend: Backend,
): Promise<{ readonly rootKeyCheck: string; readonly origin: string; readonly verifierKey: string } | undefined> {
  const { rows } = await backend.reader.execute(
    backend.kind === "sqlite"
      ? "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'deployment'"
      : "SELECT 1 AS found FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'deployment'",
    [],
  );
  if (rows.length === 0) return undefined;
  const row = await selectDeployment(backend);
  return row === undefined
    ? undefined
    : { rootKeyCheck: row.root_key_check, origin: row.origin, verifierKey: row.verifier_key };
}

/** The store's description, authenticated. @throws TamperedRowError if it was changed. */
export async function loadDeployment(backend: Backend, guard: RowGuard): Promise<DeploymentRow> {
  const row = await selectDeployment(backend);
  if (row === undefined) throw new Error("the store is not initialised");
  return deploymentTable.verify(guard, row).row;
}

interface DeploymentSchema {
  deployment: DeploymentRow & { revision: number; mac: Uint8Array };
}

async function selectDeployment(backend: Backend): Promise<DeploymentSchema["deployment"] | undefined> {
  const db = kyselyOn<DeploymentSchema>(backend.kind, backend.reader);
  return db.selectFrom("deployment").selectAll().where("id", "=", 1).executeTakeFirst();
}
