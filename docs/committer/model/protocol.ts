/** The choices the protocol rests on. The alternatives that are wrong are explored too, to show that they are. */
export interface Protocol {
  /** What a batch does about the epoch: locks its own shard row and compares the tag in it, reads it in a subselect, nothing. */
  readonly batchCheck: "locked shard row" | "subselect" | "none";
  /** Does the primary key (shard, seq) exist? */
  readonly uniqueSeq: boolean;
  /** What is read first when a cache is refreshed, or a control decides ahead of its transaction. */
  readonly refresh: "tag first" | "rows first";
  /** What a process does about a batch it answered 503: name what was committed in a later batch, or forget it. */
  readonly afterUnavailable: "correct" | "forget";
  /** What names an epoch: a value never given out twice, or a count that a failover sets back. */
  readonly epochName: "random tag" | "number";
  /** Where a control decides: in its transaction, or ahead of it, and then with or without comparing the tag. */
  readonly controlDecides: "under the lock" | "ahead, tag compared" | "ahead, unchecked";
}

/** The protocol as it is. */
export const THE_PROTOCOL: Protocol = {
  batchCheck: "locked shard row",
  uniqueSeq: true,
  refresh: "tag first",
  afterUnavailable: "correct",
  epochName: "random tag",
  controlDecides: "under the lock",
};

/** How often each thing may still go wrong. */
export interface Faults {
  /** A connection breaks while a statement is under way; the statement lives on in the database. */
  readonly lostConnections: number;
  readonly crashes: number;
  /** A successor takes over the shard of a process, dead or not. */
  readonly takeovers: number;
  /** A standby becomes the primary without the last control transaction. */
  readonly failovers: number;
}

export const NO_FAULTS: Faults = { lostConnections: 0, crashes: 0, takeovers: 0, failovers: 0 };
