export {
  type BatchIdentity,
  batchHeader,
  droppedEvents,
  hasItsHeader,
  headerLeaf,
  MalformedBatchError,
  openEvents,
  sealBatch,
} from "./batch-codec.ts";
export { Checkpointer, logOrigin, parseLogOrigin, type SignedCheckpoint } from "./checkpointer.ts";
export { createSigningKey, openSigningKey } from "./signing-key.ts";
export { type AuditEvent, encodeEvent, type EncodedEvent, type EventObject, type EventValue } from "./event.ts";
export { type DropPlan, type DropScope, planDrop } from "./drop-plan.ts";
export { dropBodies, type Dropped, passBodies, readUndropped, type RetentionContext } from "./retention.ts";
export {
  type DroppedPart,
  openRetentionRecord,
  type RetentionRecord,
  RetentionRecordError,
  type RetentionRule,
  signRetentionRecord,
} from "./retention-record.ts";
export {
  countVolume,
  type DayTotals,
  readDayTotals,
  readProgress,
  readUncounted,
  readVolume,
  type UncountedDay,
  VOLUME_DAY_MILLIS,
  type VolumeContext,
  type VolumeProgress,
  type VolumeRow,
} from "./volume.ts";
export { encodeSystemEvent, type SystemEventName } from "./system-event.ts";
export { STORED_SUM_BYTES } from "../store/row-guard.ts";
