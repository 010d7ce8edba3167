import { TurnTaker } from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { type Column, hashText, MalformedColumnError } from "../event-index/column.ts";
import { ACCOUNT_COLUMN, columnOf, PLACES_COLUMN } from "../event-index/index-columns.ts";
import { decodePlaces } from "../event-index/places.ts";
import { trail } from "../follower/log-heads.ts";
import type { Candidate } from "./candidate.ts";
import type { ColumnCache } from "./column-cache.ts";
import type { EventQuery } from "./event-query.ts";
import { scanLog } from "./scan-log.ts";
import type { SearchUnit, SegmentPart } from "./search-units.ts";

/** What the index says of a segment: which positions have all that is looked for, and its places as stored. */
interface Matches {
  readonly positions: readonly number[];
  readonly places: Uint8Array | undefined;
}

/** Finds the candidates of a query in parts of the logs. */
export class UnitReader {
  readonly #db: Kysely<unknown>;
  readonly #cache: ColumnCache;
  readonly #query: EventQuery;
  readonly #conditions: readonly { readonly column: string; readonly hash: number }[];
  /** Of the units that were prepared; without an entry the index has not all of its columns. */
  readonly #matches = new Map<SearchUnit, Matches>();

  constructor(options: { readonly db: Kysely<unknown>; readonly cache: ColumnCache; readonly query: EventQuery }) {
    const { accountId, attributes } = options.query;
    this.#db = options.db;
    this.#cache = options.cache;
    this.#query = options.query;
    this.#conditions = [
      { column: ACCOUNT_COLUMN, hash: hashText(accountId) },
      ...attributes.map(({ name, value }) => ({ column: columnOf(name), hash: hashText(value) })),
    ];
  }

  /** Asks the index about units that are to be opened, in few statements. */
  async prepare(units: readonly SearchUnit[]): Promise<void> {
    const segments = units.flatMap((unit) => (unit.part.kind === "segment" ? [{ unit, part: unit.part }] : []));
    const columns = await this.#cache.read(
      this.#db,
      segments.map(({ part }) => part.segment),
      this.#conditions.map(({ column }) => column),
    );
    const turns = new TurnTaker();
    const matching: { unit: SearchUnit; part: SegmentPart; positions: readonly number[] }[] = [];
    for (const [i, { unit, part }] of segments.entries()) {
      await turns.give();
      const positions = columns[i] && this.#positions(columns[i]);
      if (positions === undefined) continue;
      if (positions.length > 0) matching.push({ unit, part, positions });
      else this.#matches.set(unit, { positions, places: undefined });
    }
    const places = await this.#readPlaces(matching.map(({ part }) => part));
    for (const { unit, part, positions } of matching) {
      this.#matches.set(unit, { positions, places: places.get(part) });
    }
  }

  /** The candidates of a unit that was prepared, in no order. */
  async open(unit: SearchUnit): Promise<Candidate[]> {
    const { part } = unit;
    if (part.kind === "tail") return scanLog(this.#db, part.range, this.#query);
    const matches = this.#matches.get(unit);
    this.#matches.delete(unit);
    if (matches?.positions.length === 0) return [];
    const candidates = matches?.places && this.#candidates(part, matches.positions, matches.places);
    return candidates ?? this.#scan(part);
  }

  /** Positions whose columns all have what is looked for; `undefined` if a column is not whole. */
  #positions(columns: readonly Column[]): number[] | undefined {
    const [first] = columns;
    if (first === undefined || !this.#conditions.every(({ hash }, i) => columns[i]?.has(hash))) return [];
    const counts = new Uint8Array(first.positions);
    let all = 0;
    try {
      for (const [i, { hash }] of this.#conditions.entries()) {
        if (columns[i] === undefined || columns[i].isEverywhere(hash)) continue;
        columns[i].count(hash, counts);
        all++;
      }
    } catch (error) {
      if (error instanceof MalformedColumnError) return undefined;
      throw error;
    }
    const positions: number[] = [];
    for (let at = 0; at < counts.length; at++) if (counts[at] === all) positions.push(at);
    return positions;
  }

  async #readPlaces(parts: readonly SegmentPart[]): Promise<Map<SegmentPart, Uint8Array>> {
    const places = new Map<SegmentPart, Uint8Array>();
    for (const [shard, ofShard] of Map.groupBy(parts, ({ segment }) => segment.shard)) {
      const rows = await trail(this.#db)
        .selectFrom("trail_column")
        .select(["last_seq", "data"])
        .where("shard", "=", shard)
        .where(
          "last_seq",
          "in",
          ofShard.map(({ segment }) => segment.last_seq),
        )
        .where("attribute", "=", PLACES_COLUMN)
        .execute();
      const bySeq = new Map(rows.map((row) => [row.last_seq, row.data]));
      for (const part of ofShard) {
        const data = bySeq.get(part.segment.last_seq);
        if (data !== undefined) places.set(part, data);
      }
    }
    return places;
  }

  #candidates(part: SegmentPart, positions: readonly number[], data: Uint8Array): Candidate[] | undefined {
    const { shard, first_seq: firstSeq, min_time: minTime } = part.segment;
    const { from, to } = this.#query;
    let places: ReturnType<typeof decodePlaces>;
    try {
      places = decodePlaces(data, { firstSeq, minTime });
    } catch (error) {
      if (error instanceof MalformedColumnError) return undefined;
      throw error;
    }
    const candidates: Candidate[] = [];
    const { batches, seconds } = places;
    let [batch, start] = [0, 0];
    for (const position of positions) {
      let current = batches[batch];
      while (current !== undefined && position >= start + current.eventCount) {
        start += current.eventCount;
        current = batches[++batch];
      }
      const at = seconds[position];
      if (current === undefined || at === undefined || current.seq > part.last) break;
      if (at >= from && at <= to) candidates.push({ seconds: at, shard, seq: current.seq, index: position - start });
    }
    return candidates;
  }

  #scan({ segment, last }: SegmentPart): Promise<Candidate[]> {
    const { shard, first_seq: firstSeq, last_seq: lastSeq } = segment;
    return scanLog(this.#db, { shard, after: firstSeq - 1, last: Math.min(lastSeq, last) }, this.#query);
  }
}
