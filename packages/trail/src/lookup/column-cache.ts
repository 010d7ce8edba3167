import type { Kysely } from "kysely";
import { Column, MalformedColumnError } from "../event-index/column.ts";
import type { StoredSegment } from "../event-index/event-index.ts";
import { trail } from "../follower/log-heads.ts";

/** Bytes of the columns that a node keeps in memory: those of some million events. */
const DEFAULT_CAPACITY_BYTES = 32 * 1024 * 1024;
/** What a column takes beside its bytes, about. */
const COLUMN_OVERHEAD_BYTES = 300;

/** What is known of a column: what was read, or that it is not there or not whole. */
type Known = Column | "missing";

interface Entry {
  readonly column: Known;
  readonly bytes: number;
}

/** The columns that lookups have read, the latest used ones: a stored segment never changes, it is only replaced. */
export class ColumnCache {
  readonly #capacityBytes: number;
  // A Map keeps the order of insertion: whoever is used is taken out and put in again.
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(capacityBytes: number = DEFAULT_CAPACITY_BYTES) {
    this.#capacityBytes = capacityBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Columns of several segments, for each segment in the order of `names`; `undefined` where one of a segment's columns
   * is not there, because the segment was replaced or forgotten meanwhile, or is not what was written.
   */
  async read(
    db: Kysely<unknown>,
    segments: readonly StoredSegment[],
    names: readonly string[],
  ): Promise<(readonly Column[] | undefined)[]> {
    const found = new Map<string, Known>();
    const missing = new Map<number, StoredSegment[]>();
    for (const segment of segments) {
      let isWhole = true;
      for (const name of names) {
        const key = keyOf(segment, name);
        const column = this.#get(key);
        if (column === undefined) isWhole = false;
        else found.set(key, column);
      }
      if (isWhole) continue;
      const ofShard = missing.get(segment.shard);
      if (ofShard === undefined) missing.set(segment.shard, [segment]);
      else ofShard.push(segment);
    }
    for (const [shard, ofShard] of missing) {
      const rows = await trail(db)
        .selectFrom("trail_column")
        .select(["last_seq", "attribute", "data"])
        .where("shard", "=", shard)
        .where(
          "last_seq",
          "in",
          ofShard.map((segment) => segment.last_seq),
        )
        .where("attribute", "in", names)
        .execute();
      for (const row of rows) {
        const key = keyOf({ shard, last_seq: row.last_seq }, row.attribute);
        const column = open(row.data);
        found.set(key, column);
        this.#set(key, { column, bytes: (column === "missing" ? 0 : column.bytes) + COLUMN_OVERHEAD_BYTES });
      }
    }
    return segments.map((segment) => {
      const columns: Column[] = [];
      for (const name of names) {
        const column = found.get(keyOf(segment, name));
        if (column === undefined || column === "missing" || column.positions !== segment.event_count) return undefined;
        columns.push(column);
      }
      return columns;
    });
  }

  #get(key: string): Known | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.column;
  }

  #set(key: string, entry: Entry): void {
    this.#bytes += entry.bytes - (this.#entries.get(key)?.bytes ?? 0);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#capacityBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

function keyOf({ shard, last_seq: lastSeq }: Pick<StoredSegment, "shard" | "last_seq">, name: string): string {
  return `${shard}/${lastSeq}/${name}`;
}

function open(data: Uint8Array): Known {
  try {
    return new Column(data);
  } catch (error) {
    if (error instanceof MalformedColumnError) return "missing";
    throw error;
  }
}
