export { eventIndex, forgetBefore } from "./event-index/event-index.ts";
export type { EventRecord, ParsedEvent } from "./events/event-record.ts";
export { LogFollower } from "./follower/log-follower.ts";
export { followedUpTo } from "./follower/log-heads.ts";
export type { LogSegment, SegmentContributor, SegmentDigest, SegmentWrite } from "./follower/log-segment.ts";
export { readTail } from "./follower/read-tail.ts";
export { trailMigrations } from "./migrations.ts";
export * from "./usage/index.ts";
export { trailOperations } from "./trail-operations.ts";
