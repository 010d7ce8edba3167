import { type Attribute, hasAttribute } from "../events/attributes.ts";
import type { EventRecord } from "../events/event-record.ts";
import type { Direction, Position } from "./position.ts";

/** Which events are looked for. */
export interface EventQuery {
  /** Only its events are found. */
  readonly accountId: string;
  /** All of which an event must have. */
  readonly attributes: readonly Attribute[];
  /** The first and the last second, both included, since 1970. */
  readonly from: number;
  readonly to: number;
  readonly direction: Direction;
}

/** A part of a query's answer. */
export interface PageRequest {
  /** Most events of a page. */
  readonly limit: number;
  /** Where the page before ended. */
  readonly after: Position | undefined;
  /** When to stop, by `performance.now()`: the page then ends where the search has come to. */
  readonly deadline: number;
}

/** Whether an event is one of those looked for, but for its time. */
export function isWanted(event: EventRecord, { accountId, attributes }: EventQuery): boolean {
  return event.recipientAccountId === accountId && attributes.every((attribute) => hasAttribute(event, attribute));
}
