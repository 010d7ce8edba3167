import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type BatchRow, droppedEvents, openEvents, readBatchRow, sealBatch } from "@cinnabar/kernel";
import { Frontier } from "@cinnabar/merkle-log";
import { insertBatch } from "./audit-fixture.ts";

/** A repeatable source of random integers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to `end` - 1 (mulberry32). */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

type Place = { shard: number; seq: number };
type Mutate = (database: DatabaseSync, random: Random) => string;

const INTEGERS = ["shard", "seq", "first_index", "event_count", "epoch", "time"] as const;
const BLOBS = ["incarnation", "events", "leaves", "frontier", "sum"] as const;
const CONTENT = ["incarnation", "first_index", "event_count", "epoch", "time", "events", "leaves", "frontier", "sum"];

function places(database: DatabaseSync): Place[] {
  return database.prepare("SELECT shard, seq FROM audit_batch ORDER BY shard, seq").all() as Place[];
}

function exists(database: DatabaseSync, { shard, seq }: Place): boolean {
  return database.prepare("SELECT 1 FROM audit_batch WHERE shard = ? AND seq = ?").get(shard, seq) !== undefined;
}

/** Batches whose events are there. */
function undropped(database: DatabaseSync): Place[] {
  return places(database).filter((place) => openEvents(readRow(database, place)) !== undefined);
}

function update(database: DatabaseSync, { shard, seq }: Place, column: string, value: SQLInputValue): void {
  database.prepare(`UPDATE audit_batch SET ${column} = ? WHERE shard = ? AND seq = ?`).run(value, shard, seq);
}

function readRow(database: DatabaseSync, { shard, seq }: Place): BatchRow {
  const row = database.prepare("SELECT * FROM audit_batch WHERE shard = ? AND seq = ?").get(shard, seq);
  return readBatchRow(row as Parameters<typeof readBatchRow>[0]);
}

function deleteRow(database: DatabaseSync, { shard, seq }: Place): void {
  database.prepare("DELETE FROM audit_batch WHERE shard = ? AND seq = ?").run(shard, seq);
}

/** Another integer than the one that stands there. */
function otherInteger(random: Random, value: number): number {
  const candidates = [value + 1, value - 1, -value, 0, value ^ (1 << random.below(20)), random.below(2 ** 31)];
  return random.pick(candidates.filter((candidate) => candidate !== value));
}

function flipCharacter(random: Random, text: string): string {
  const at = random.below(text.length);
  const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(6)));
  return text.slice(0, at) + flipped + text.slice(at + 1);
}

/** Ways to change a stored log once, each of which must be found against a saved bundle. */
export const mutations: Readonly<Record<string, Mutate>> = {
  "flip a bit of a column"(database, random) {
    const place = random.pick(places(database));
    const column = random.pick(BLOBS);
    const bytes = Buffer.from(
      database
        .prepare(`SELECT ${column} AS bytes FROM audit_batch WHERE shard = ? AND seq = ?`)
        .get(place.shard, place.seq)!["bytes"] as Uint8Array,
    );
    const bit = random.below(8 * bytes.length);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    update(database, place, column, bytes);
    return `bit ${bit} of ${column} at ${place.shard}/${place.seq}`;
  },
  "change the length of a column"(database, random) {
    const place = random.pick(places(database));
    const column = random.pick(BLOBS);
    const sql = `UPDATE audit_batch SET ${column} = ${random.pick([`substr(${column}, 2)`, `${column} || x'00'`, "x''"])}`;
    database.prepare(`${sql} WHERE shard = ? AND seq = ?`).run(place.shard, place.seq);
    return `${sql} at ${place.shard}/${place.seq}`;
  },
  "change an integer"(database, random) {
    for (;;) {
      const place = random.pick(places(database));
      const column = random.pick(INTEGERS);
      const row = database.prepare("SELECT * FROM audit_batch WHERE shard = ? AND seq = ?").get(place.shard, place.seq);
      const value = otherInteger(random, Number(row![column]));
      if ((column === "shard" || column === "seq") && exists(database, { ...place, [column]: value })) continue;
      update(database, place, column, value);
      return `${column} of ${place.shard}/${place.seq} becomes ${value}`;
    }
  },
  "put another type into a column"(database, random) {
    const place = random.pick(places(database));
    const column = random.pick([...INTEGERS, ...BLOBS]);
    const value = random.pick(["text", 2n ** 60n, 0.5]);
    update(database, place, column, value);
    return `${column} of ${place.shard}/${place.seq} becomes ${value}`;
  },
  "delete a batch"(database, random) {
    const place = random.pick(places(database));
    deleteRow(database, place);
    return `${place.shard}/${place.seq} deleted`;
  },
  "swap two batches"(database, random) {
    const all = places(database);
    const a = random.pick(all);
    const b = random.pick(all.filter((place) => place !== a));
    const read = (place: Place) =>
      database
        .prepare(`SELECT ${CONTENT.join(", ")} FROM audit_batch WHERE shard = ? AND seq = ?`)
        .get(place.shard, place.seq)!;
    const [contentA, contentB] = [read(a), read(b)];
    for (const column of CONTENT) {
      update(database, a, column, contentB[column]!);
      update(database, b, column, contentA[column]!);
    }
    return `${a.shard}/${a.seq} and ${b.shard}/${b.seq} swapped`;
  },
  "copy a batch to a free place"(database, random) {
    const all = places(database);
    const from = random.pick(all);
    const last = random.pick(all);
    const end = all.filter(({ shard }) => shard === last.shard).length;
    const to = random.pick([
      { shard: last.shard, seq: end + 1 },
      { shard: last.shard, seq: end + 2 + random.below(9) },
      { shard: 9 + random.below(9), seq: 1 },
    ]);
    insertBatch(database, { ...readRow(database, from), ...to });
    return `${from.shard}/${from.seq} copied to ${to.shard}/${to.seq}`;
  },
  "repeat a batch and move those after it"(database, random) {
    const from = random.pick(places(database));
    const row = readRow(database, from);
    const move = (sql: string) => database.prepare(sql).run(from.shard, from.seq);
    move("UPDATE audit_batch SET seq = -seq WHERE shard = ? AND seq > ?");
    move("UPDATE audit_batch SET seq = 1 - seq WHERE shard = ? AND -seq > ?");
    insertBatch(database, { ...row, seq: row.seq + 1 });
    return `${from.shard}/${from.seq} repeated`;
  },
  "write a batch anew with another event, its leaves and frontier right"(database, random) {
    const place = random.pick(undropped(database));
    const row = readRow(database, place);
    const before = places(database).some(({ shard, seq }) => shard === place.shard && seq === place.seq - 1)
      ? Frontier.decode(readRow(database, { ...place, seq: place.seq - 1 }).frontier)
      : Frontier.empty();
    const events = openEvents(row) ?? [];
    const at = random.below(events.length);
    events[at] = events[at]!.replace(/"eventName":"[^"]*"/, '"eventName":"Forged"');
    deleteRow(database, place);
    insertBatch(database, sealBatch(row, { frontier: before, events }).row);
    return `event ${at} of ${place.shard}/${place.seq} forged`;
  },
  "drop a body without a record"(database, random) {
    const place = random.pick(undropped(database));
    update(database, place, "events", droppedEvents(readRow(database, place).events));
    return `the events of ${place.shard}/${place.seq} dropped`;
  },
  "cut the end off a log"(database, random) {
    const { shard, seq } = random.pick(places(database));
    database.prepare("DELETE FROM audit_batch WHERE shard = ? AND seq >= ?").run(shard, seq);
    return `log ${shard} cut before ${seq}`;
  },
  "drop a log"(database, random) {
    const { shard } = random.pick(places(database));
    database.prepare("DELETE FROM audit_batch WHERE shard = ?").run(shard);
    const withCheckpoint = random.below(2) === 0;
    if (withCheckpoint) database.prepare("DELETE FROM checkpoint WHERE shard = ?").run(shard);
    return `log ${shard} dropped ${withCheckpoint ? "with" : "without"} its checkpoint`;
  },
  "change a checkpoint"(database, random) {
    const rows = database.prepare("SELECT * FROM checkpoint").all() as { shard: number; size: number; note: string }[];
    const { shard, size, note } = random.pick(rows);
    const set = (column: string, value: SQLInputValue) =>
      database.prepare(`UPDATE checkpoint SET ${column} = ? WHERE shard = ?`).run(value, shard);
    switch (random.below(5)) {
      case 0:
        set("note", flipCharacter(random, note));
        return `a character of the checkpoint of ${shard} changed`;
      case 1:
        set("size", otherInteger(random, size));
        return `the size of the checkpoint of ${shard} changed`;
      case 2:
        set("shard", 20 + random.below(9));
        return `the checkpoint of ${shard} moved`;
      case 3:
        set("note", random.pick(rows.filter((row) => row.shard !== shard)).note);
        return `the checkpoint of ${shard} replaced by another log's`;
      default:
        database.prepare("DELETE FROM checkpoint WHERE shard = ?").run(shard);
        return `the checkpoint of ${shard} deleted`;
    }
  },
  "change what the deployment says of itself"(database, random) {
    const column = random.pick(["origin", "verifier_key"]);
    const text = String(database.prepare(`SELECT ${column} AS text FROM deployment`).get()!["text"]);
    database.prepare(`UPDATE deployment SET ${column} = ?`).run(flipCharacter(random, text));
    return `a character of the deployment's ${column} changed`;
  },
};
