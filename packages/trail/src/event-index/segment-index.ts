import { attributeOf, ATTRIBUTE_NAMES, SEPARATOR } from "../events/attributes.ts";
import type { DigestedEvent } from "../events/event-record.ts";
import type { LogSegment } from "../follower/log-segment.ts";
import { type ColumnValues, hashText, NO_VALUE } from "./column.ts";
import { accountsOf, ownersResourceNames } from "../events/shared-event.ts";
import { ACCOUNT_COLUMN, columnOf } from "./index-columns.ts";
import type { Places } from "./places.ts";

/** The index of a segment before it is stored, or after it was read. */
export interface SegmentIndex {
  readonly places: Places;
  /** By the columns' names. */
  readonly columns: ReadonlyMap<string, ColumnValues>;
}

const FIRST_CAPACITY = 4_096;

/** Indexes a segment of the log, event by event. An entry of a batch that is no event has no account, so nobody finds it. */
export class SegmentIndexer {
  readonly #columns: readonly ColumnBuilder[] = [
    new ColumnBuilder(ACCOUNT_COLUMN, { read: accountsOf, isList: true }),
    ...ATTRIBUTE_NAMES.map((name) => {
      const read = (record: DigestedEvent["record"]) => attributeOf(record, name);
      if (name !== "ResourceName") return new ColumnBuilder(columnOf(name), { read });
      return new ColumnBuilder(columnOf(name), { read, readFurther: ownersResourceNames, isList: true });
    }),
  ];
  #seconds: Float64Array = new Float64Array(FIRST_CAPACITY).fill(Number.NaN);
  #first: number | undefined;

  add({ record, seconds }: DigestedEvent, position: number): void {
    if (position >= this.#seconds.length) this.#grow(position);
    this.#seconds[position] = seconds;
    this.#first ??= seconds;
    for (const column of this.#columns) column.add(record, position);
  }

  finish({ batches }: Pick<LogSegment, "batches">): SegmentIndex {
    const total = batches.reduce((sum, { eventCount }) => sum + eventCount, 0);
    if (total > this.#seconds.length) this.#grow(total);
    const first = this.#first ?? 0;
    // What is no event has no time of its own.
    const seconds = this.#seconds.subarray(0, total).map((time) => (Number.isNaN(time) ? first : time));
    return {
      places: { batches, seconds },
      columns: new Map(this.#columns.map((column) => [column.name, column.values(total)])),
    };
  }

  #grow(position: number): void {
    const known = this.#seconds;
    this.#seconds = new Float64Array(Math.max(2 * known.length, position + 1)).fill(Number.NaN, known.length);
    this.#seconds.set(known);
  }
}

/** What a column has of an event. */
interface ReadColumn {
  readonly read: (record: DigestedEvent["record"]) => string | undefined;
  /** What else the event is looked up by. */
  readonly readFurther?: (record: DigestedEvent["record"]) => readonly string[];
  /** Whether a text may be several, separated by {@link SEPARATOR}. */
  readonly isList?: boolean;
}

/** What the events of a segment have in one column. */
class ColumnBuilder {
  readonly name: string;
  readonly #read: ReadColumn["read"];
  readonly #readFurther: ReadColumn["readFurther"];
  readonly #isList: boolean;
  readonly #further: { position: number; hash: number }[] = [];
  #hashes = new Uint32Array(FIRST_CAPACITY);
  #lastText = "";
  #lastHash: number = hashText("");

  constructor(name: string, { read, readFurther, isList = false }: ReadColumn) {
    this.name = name;
    this.#read = read;
    this.#readFurther = readFurther;
    this.#isList = isList;
  }

  add(record: DigestedEvent["record"], position: number): void {
    for (const text of this.#readFurther?.(record) ?? []) this.#addFurther(text, position);
    const text = this.#read(record);
    if (text === undefined) return;
    // Most columns have the same value for most events.
    if (text !== this.#lastText) {
      this.#lastText = text;
      this.#lastHash = hashText(text);
    }
    if (position >= this.#hashes.length) this.#grow(position);
    this.#hashes[position] = this.#lastHash;
    if (this.#isList) this.#addParts(text, position);
  }

  #addFurther(text: string, position: number): void {
    this.#further.push({ position, hash: hashText(text) });
    this.#addParts(text, position);
  }

  /** Looked up by one of the names, or by all of them as they stand. */
  #addParts(text: string, position: number): void {
    if (!text.includes(SEPARATOR)) return;
    for (const name of text.split(SEPARATOR)) this.#further.push({ position, hash: hashText(name) });
  }

  values(total: number): ColumnValues {
    if (total > this.#hashes.length) this.#grow(total);
    return { hashes: this.#hashes.subarray(0, total), further: this.#further };
  }

  #grow(position: number): void {
    const known = this.#hashes;
    this.#hashes = new Uint32Array(Math.max(2 * known.length, position + 1));
    this.#hashes.set(known);
  }
}

/** The index of two consecutive segments as one. */
export function joinIndexes(first: SegmentIndex, second: SegmentIndex): SegmentIndex {
  const offset = first.places.seconds.length;
  const columns = new Map<string, ColumnValues>();
  for (const [name, { hashes, further }] of second.columns) {
    const before = first.columns.get(name) ?? { hashes: new Uint32Array(offset).fill(NO_VALUE), further: [] };
    const joined = new Uint32Array(offset + hashes.length);
    joined.set(before.hashes);
    joined.set(hashes, offset);
    const shifted = further.map(({ position, hash }) => ({ position: position + offset, hash }));
    columns.set(name, { hashes: joined, further: [...before.further, ...shifted] });
  }
  return {
    columns,
    places: {
      batches: [...first.places.batches, ...second.places.batches],
      seconds: [...first.places.seconds, ...second.places.seconds],
    },
  };
}
