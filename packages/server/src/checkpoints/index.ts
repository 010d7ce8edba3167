export { type CheckpointAddress, describeCheckpointAddress, parseCheckpointAddress } from "./checkpoint-address.ts";
export { CheckpointDelivery } from "./checkpoint-delivery.ts";
export { type CheckpointTarget, checkpointTarget } from "./checkpoint-target.ts";
export { assertNotPutBack, lacksCheckpoint, PutBackError } from "./put-back-check.ts";
