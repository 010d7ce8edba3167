export { alarm, type Alarm, ALARMS } from "./alarms.ts";
export {
  type AccessKeyId,
  type AccountId,
  type GroupId,
  type Id,
  type IdKind,
  isId,
  type InstanceId,
  type KeyId,
  type ClientKeyId,
  type KeyVersionId,
  newAccountId,
  newGroupId,
  newKeyId,
  newInstanceId,
  newInstanceKeyId,
  newKeyVersionId,
  newKeyVersionIdOf,
  newRequestId,
  newResourceShareId,
  newRoleId,
  newUserId,
  parseId,
  type RequestId,
  type ResourceShareId,
  type RoleId,
  type SessionKeyId,
  type UserId,
} from "./ids.ts";
export { createLogger, LOG_LEVELS, type Logger, type LogLevel } from "./logging.ts";
export { Lru } from "./lru.ts";
export { Metrics, OperationMetrics } from "./metrics.ts";
export {
  DEFAULT_NONCE_SLOTS,
  NONCE_LIFETIME_SECONDS,
  nonceDigest,
  NonceTable,
  type NonceUse,
  type NonceVerdict,
} from "./nonce-table.ts";
export { ownCopy } from "./own-copy.ts";
export { attempt, proceed } from "./proceed.ts";
export { REFUSAL_REASONS, type RefusalDetails, type RefusalReason, SecurityLog } from "./security-log.ts";
export { Count, Tally } from "./tally.ts";
export { MAX_CLOCK_BEHIND_MILLIS, StoreClock } from "./store-clock.ts";
export { FailureRepeats } from "./failure-repeats.ts";
export { syncDirectory } from "./sync-directory.ts";
export { findTracing } from "./find-tracing.ts";
export type { Tracing } from "./tracing.ts";
export { type TurnBudget, TurnTaker } from "./turn-taker.ts";
