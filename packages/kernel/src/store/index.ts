export {
  type Backend,
  type BatchCommit,
  type BatchOutcome,
  type BatchRow,
  DatabaseAwayError,
  type SqlConnection,
  type SqlRow,
  type SqlValue,
  type StoreReader,
  UnknownOutcomeError,
} from "./backend.ts";
export { readBatchRow } from "./batch-columns.ts";
export type { CommitterObserver, OwnShard, WrittenBatch } from "./committer.ts";
export { advanceClock } from "./advance-clock.ts";
export { CONTROL_SHARD, type ControlTransaction } from "./control.ts";
export { ClockBehindError, ControlStore } from "./control-store.ts";
export { type DeploymentRow, deploymentTable, loadDeployment, peekDeployment } from "./deployment.ts";
export type { ChangeListener, EntityFinder, EntityKind, EntityReader } from "./entity-cache.ts";
export { aloneAtFirstStart } from "./first-start.ts";
export { initStore } from "./init-store.ts";
export { claimJob, releaseJob } from "./job-claim.ts";
export { kernelMigrations } from "./kernel-migrations.ts";
export { kyselyOn } from "./kysely-dialect.ts";
export { assertMigrated, migrate, type Migration, NewerStoreError, OlderStoreError } from "./migrations.ts";
export { openPostgresql } from "./postgresql/open-postgresql.ts";
export { UnsafeDatabaseError } from "./postgresql/unsafe-database-error.ts";
export {
  type Columns,
  ProtectedTable,
  type RowChange,
  type RowOf,
  type SweptTable,
  type Verified,
} from "./protected-table.ts";
export { RowGuard, TamperedRowError } from "./row-guard.ts";
export { SqliteError } from "./sqlite/sqlite-thread.ts";
export { SqliteBackend } from "./sqlite/sqlite-backend.ts";
export { resetClock } from "./reset-clock.ts";
export { readHighWater, readStoreTime, Store, type StoreObserver } from "./store.ts";
export type { KernelSchema } from "./schema.ts";
export { sweep, type SweepReport } from "./sweep.ts";
