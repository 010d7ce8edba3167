export { type BatchIdentity, batchHeader, MalformedBatchError, openEvents, sealBatch } from "./batch-codec.ts";
export { Checkpointer, logOrigin, parseLogOrigin, type SignedCheckpoint } from "./checkpointer.ts";
export { createSigningKey, openSigningKey } from "./signing-key.ts";
export { type AuditEvent, encodeEvent, type EventObject, type EventValue } from "./event.ts";
export { encodeSystemEvent, type SystemEventName } from "./system-event.ts";
export { STORED_SUM_BYTES } from "../store/row-guard.ts";
