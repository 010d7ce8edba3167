import type { KernelSchema } from "@cinnabar/kernel";

/** The tables of the event index, all derived from the log, and those of the log itself. Times are seconds since 1970. */
export type TrailSchema = Pick<KernelSchema, "audit_batch" | "shard"> & {
  /** How far each log has been followed: up to this batch, which ends at this leaf. */
  trail_follower: { shard: number; seq: number; leaves: number };
  /** The batches from `first_seq` to `last_seq` of a log. */
  trail_segment: {
    shard: number;
    last_seq: number;
    first_seq: number;
    event_count: number;
    min_time: number;
    max_time: number;
  };
  /** What the events of a segment have as one attribute; under the name `places`, where they stand and when they were. */
  trail_column: { shard: number; last_seq: number; attribute: string; data: Uint8Array };
};
