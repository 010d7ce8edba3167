import type { Kysely } from "kysely";
import type { StoreReader } from "./backend.ts";
import type { EntityReader } from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import { ProtectedTable, type RowOf, type Verified } from "./protected-table.ts";
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
  /** The keys that outlast root keys; null in a store from before it kept them. */
  wrapped_keys: "bytes?",
} as const;

/** One row (id 1): what the store is. Written at init, and when the root key is rotated. */
export const deploymentTable = new ProtectedTable("deployment", { columns, identity: ["id"] });

export type DeploymentRow = RowOf<typeof columns>;

/** What can be known about a store without its root key; `undefined` if it was never initialised. Changes nothing. */
export async function peekDeployment(
  backend: StoreReader,
): Promise<{ readonly rootKeyCheck: string; readonly origin: string; readonly verifierKey: string } | undefined> {
  const { rows } = await backend.reader.execute(
    backend.kind === "sqlite"
      ? "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'deployment'"
      : "SELECT 1 AS found FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'deployment'",
    [],
  );
  if (rows.length === 0) return undefined;
  const row = await selectDeployment(readerOf(backend));
  return row === undefined
    ? undefined
    : { rootKeyCheck: row.root_key_check, origin: row.origin, verifierKey: row.verifier_key };
}

/** The store's description, not authenticated yet: what is in it opens the keys that authenticate it. */
export async function readDeployment(backend: StoreReader): Promise<StoredDeployment> {
  return found(await selectDeployment(readerOf(backend)));
}

/** The store's description, authenticated. @throws TamperedRowError if it was changed. */
export async function loadDeployment(backend: StoreReader, guard: RowGuard): Promise<DeploymentRow> {
  return (await findDeployment({ db: readerOf(backend), guard })).row;
}

/** As {@link loadDeployment}, for whoever changes it. */
export async function findDeployment({ db, guard }: EntityReader): Promise<Verified<DeploymentRow>> {
  return deploymentTable.verify(guard, found(await selectDeployment(db)));
}

/** Check value of the root key that the store is sealed under as `reader` sees it. @throws TamperedRowError */
export async function currentRootKey(reader: EntityReader): Promise<string> {
  return (await findDeployment(reader)).row.root_key_check;
}

type StoredDeployment = DeploymentRow & { readonly revision: number; readonly mac: Uint8Array };
type DeploymentSchema = { deployment: StoredDeployment };

function readerOf(backend: StoreReader): Kysely<unknown> {
  return kyselyOn(backend.kind, backend.reader);
}

async function selectDeployment(db: Kysely<unknown>): Promise<StoredDeployment | undefined> {
  return db
    .$extendTables<DeploymentSchema>()
    .selectFrom("deployment")
    .selectAll()
    .where("id", "=", 1)
    .executeTakeFirst();
}

function found(row: StoredDeployment | undefined): StoredDeployment {
  if (row === undefined) throw new Error("the store is not initialised");
  return row;
}
