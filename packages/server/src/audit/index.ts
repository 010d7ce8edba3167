export {
  formatCheckpointBundle,
  parseCheckpointBundle,
  readCheckpointBundle,
  type SavedCheckpoint,
} from "./checkpoint-bundle.ts";
export { withDatabaseLogs } from "./database-logs.ts";
export { exportAudit, type ExportedLog } from "./export.ts";
export { ExportedLogs } from "./exported-logs.ts";
export { type ProvenEvent, proveEvent, verifyEventProof, type WantedEvent } from "./prove.ts";
export { type LogSource, UnreadableLogError } from "./log-source.ts";
export type {
  AuditFinding,
  AuditFindingKind,
  AuditNote,
  AuditNoteKind,
  AuditProgress,
  AuditReport,
  LogAudit,
} from "./report.ts";
export { parseSavedCheckpoints } from "./saved-checkpoints.ts";
export { verifyAudit } from "./verify.ts";
export { type AuditAmount, type AuditDay, type AuditVolume, readAuditVolume } from "./volume.ts";
