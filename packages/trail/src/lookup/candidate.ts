import type { EventRecord } from "../events/event-record.ts";
import type { Position } from "./position.ts";

/** An event that may be one of those looked for: by the index, or certainly, having been read. */
export interface Candidate extends Position {
  readonly record?: EventRecord;
}
