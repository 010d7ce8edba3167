export { AuditRetention, type BodyReader } from "./audit-retention.ts";
export { type DiskSpace, DiskWatch } from "./disk-watch.ts";
export type { RetentionPolicy } from "./retention-policy.ts";
