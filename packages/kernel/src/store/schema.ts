/** Tables of the kernel. Integers are safe integers; instants are store milliseconds since 1970. */
export interface KernelSchema {
  /** One row (id 1): the order of control transactions, the store's time, and the set hash's sum of their changes. */
  epoch: {
    id: number;
    value: number;
    /** 16 random bytes, new with every control transaction: a number alone can be given out twice after a failover. */
    tag: Uint8Array;
    /** Greatest store time that a control transaction has seen. */
    time: number;
    /** Milliseconds that the store's time is ahead of the database's clock; 0 but in test and emulator stores. */
    clock_offset: number;
    /** The epoch of the last clock reset: only times recorded since then say how late it is. */
    clock_epoch: number;
    sum: Uint8Array;
    /** Digest of the change list up to here; null until a control transaction of a version that keeps one. */
    changes: Uint8Array | null;
  };
  /** Which entities a control transaction changed. */
  change: { epoch: number; entity: string };
  /** One row per process log. */
  shard: {
    id: number;
    /** Names the node that owns the shard: 32 hexadecimal digits, kept in its data directory. */
    node: string;
    tag: Uint8Array;
    closed: number;
  };
  audit_batch: {
    shard: number;
    seq: number;
    incarnation: Uint8Array;
    first_index: number;
    event_count: number;
    epoch: number;
    time: number;
    events: Uint8Array;
    leaves: Uint8Array;
    frontier: Uint8Array;
    sum: Uint8Array;
  };
  /** The newest signed checkpoint of each log. */
  checkpoint: { shard: number; size: number; note: string };
  /** What each log got on each day of UTC, and what retention dropped of it. Days are counted since 1970. */
  audit_volume: {
    shard: number;
    day: number;
    first_seq: number;
    last_seq: number;
    events: number;
    body_bytes: number;
    tree_bytes: number;
    dropped_to: number;
    dropped_events: number;
    dropped_bytes: number;
    revision: number;
    mac: Uint8Array;
  };
  /** Which node does a job, and until when by the database's clock. No decision depends on it. */
  job: { name: string; node: string; until: number };
}
