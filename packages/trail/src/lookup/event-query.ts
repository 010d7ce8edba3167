import { type Attribute, hasAttribute } from "../events/attributes.ts";
import type { EventRecord } from "../events/event-record.ts";
import { visibleTo } from "../events/shared-event.ts";
import type { Direction, Position } from "./position.ts";

/** Which events are looked for. */
export interface EventQuery {
  /** Only events of its trail are found. */
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

/**
 * An event as the account may see it, if it is one of those looked for, but for its time: by what the account does not see
 * nothing is found.
 */
export function ifWanted(event: EventRecord, { accountId, attributes }: EventQuery): EventRecord | undefined {
  const visible = visibleTo(event, accountId);
  return visible !== undefined && attributes.every((attribute) => hasAttribute(visible, attribute))
    ? visible
    : undefined;
}
