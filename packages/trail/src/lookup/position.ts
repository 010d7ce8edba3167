/** The place of an event in the order of all events: by time, then by log, batch, and place in the batch. */
export interface Position {
  /** Seconds since 1970. */
  readonly seconds: number;
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
}

/** `FORWARD`: the oldest first. */
export type Direction = "FORWARD" | "BACKWARD";
export const DIRECTIONS = ["FORWARD", "BACKWARD"] as const satisfies readonly Direction[];

/** Negative if `one` comes before `other` in this direction. */
export function comparePositions(one: Position, other: Position, direction: Direction): number {
  const forward =
    one.seconds - other.seconds || one.shard - other.shard || one.seq - other.seq || one.index - other.index;
  return direction === "FORWARD" ? forward : -forward;
}

/** A place that no event has: just before all events of a second, in this direction. */
export function edgeOf(seconds: number, direction: Direction): Position {
  return { seconds: direction === "FORWARD" ? seconds : seconds + 1, shard: -1, seq: 0, index: 0 };
}
