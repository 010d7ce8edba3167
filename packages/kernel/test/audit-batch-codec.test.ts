import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { Frontier, HASH_BYTES } from "@cinnabar/merkle-log";
import * as fc from "fast-check";
import { MalformedBatchError, openEvents, sealBatch } from "../src/audit/batch-codec.ts";
import type { BatchRow } from "../src/store/backend.ts";
import { batchParameters, BATCH_COLUMNS, readBatchRow } from "../src/store/batch-columns.ts";
import { checkBatch } from "./support/read-log.ts";

const identities = fc.record({
  shard: fc.nat(),
  seq: fc.nat(),
  incarnation: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  epoch: fc.nat(),
  time: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  sum: fc.uint8Array({ minLength: 112, maxLength: 112 }),
});
// An event is one line of JSON, and never empty.
const eventLists = fc.array(
  fc.dictionary(fc.string(), fc.string({ unit: "grapheme" })).map((event) => JSON.stringify(event)),
  { maxLength: 20 },
);

function frontierOf(size: number): Frontier {
  return Frontier.empty().append(Array.from({ length: size }, () => randomBytes(HASH_BYTES)));
}

test("a batch gives back its events, and its row leads from one frontier to the next", () => {
  fc.assert(
    fc.property(identities, eventLists, fc.nat(70), (identity, events, size) => {
      const before = frontierOf(size);
      const { row, frontier } = sealBatch(identity, { frontier: before, events });
      assert.deepEqual(openEvents(row), events);
      assert.equal(frontier.size, size + events.length + 1, "the batch's own header is a leaf as well");
      const check = checkBatch(row, before);
      assert.deepEqual(check.events, events);
      assert.deepEqual(check.frontier.encode(), frontier.encode());
    }),
  );
});

test("a row of the database is the row that was stored", () => {
  fc.assert(
    fc.property(identities, eventLists, (identity, events) => {
      const { row } = sealBatch(identity, { frontier: Frontier.empty(), events });
      const values = batchParameters(row);
      assert.deepEqual(
        readBatchRow(Object.fromEntries(BATCH_COLUMNS.map((name, i) => [name, values[i] ?? null]))),
        row,
      );
    }),
  );
  const { row } = sealBatch(
    { shard: 1, seq: 1, incarnation: randomBytes(16), epoch: 1, time: 1, sum: randomBytes(112) },
    { frontier: Frontier.empty(), events: ["{}"] },
  );
  const values = batchParameters(row);
  const stored = Object.fromEntries(BATCH_COLUMNS.map((name, i) => [name, values[i] ?? null]));
  for (const name of BATCH_COLUMNS) {
    for (const wrong of [null, "1", 1.5, 2 ** 60]) {
      assert.throws(() => readBatchRow({ ...stored, [name]: wrong }), RangeError);
    }
    const { [name]: _, ...lacking } = stored;
    assert.throws(() => readBatchRow(lacking), RangeError);
  }
});

test("no byte and no number of a stored batch can change unseen", () => {
  const before = frontierOf(5);
  const { row } = sealBatch(
    { shard: 3, seq: 17, incarnation: randomBytes(16), epoch: 4, time: 1_795_000_000_000, sum: randomBytes(112) },
    {
      frontier: before,
      events: ['{"a":1}', '{"b":"two"}', '{"c":[3]}', '{"d":null}', '{"e":0}', '{"f":0}', '{"g":0}'],
    },
  );
  checkBatch(row, before);
  let changes = 0;
  const isNoticed = (changed: BatchRow, what: string): void => {
    changes++;
    assert.throws(() => checkBatch(changed, before), what);
  };
  for (const name of ["shard", "seq", "firstIndex", "eventCount", "epoch", "time"] as const) {
    for (const by of [-1, 1, 256]) isNoticed({ ...row, [name]: row[name] + by }, name);
  }
  for (const name of ["incarnation", "events", "leaves", "frontier", "sum"] as const) {
    const bytes = row[name];
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      isNoticed({ ...row, [name]: changed }, `${name} ${at}`);
    }
    isNoticed({ ...row, [name]: bytes.subarray(0, -1) }, `${name} cut`);
    isNoticed({ ...row, [name]: Buffer.concat([bytes, Buffer.alloc(1)]) }, `${name} longer`);
  }
  assert.ok(changes > 400, `only ${changes} changes`);
});

test("events that are not what a batch holds are refused", () => {
  const blob = (text: string | Uint8Array): Buffer => Buffer.concat([Buffer.from([1]), zstdCompressSync(text)]);
  assert.deepEqual(openEvents({ events: blob("{}\n{}"), eventCount: 2 }), ["{}", "{}"]);
  for (const row of [
    { events: blob("{}\n{}"), eventCount: 1 },
    { events: blob("{}"), eventCount: 0 },
    { events: blob(""), eventCount: 1 },
    { events: blob(new Uint8Array([0xff])), eventCount: 1 },
    { events: blob("{}").subarray(0, -2), eventCount: 1 },
    { events: Buffer.concat([Buffer.from([2]), zstdCompressSync("{}")]), eventCount: 1 },
    { events: Buffer.from([1]), eventCount: 1 },
    { events: Buffer.alloc(0), eventCount: 0 },
  ]) {
    assert.throws(() => openEvents(row), MalformedBatchError);
  }
});

test("a small row that would fill all memory is refused", () => {
  const bomb = zstdCompressSync(Buffer.alloc(300 * 1024 * 1024));
  assert.ok(bomb.length < 100_000);
  assert.throws(
    () => openEvents({ events: Buffer.concat([Buffer.from([1]), bomb]), eventCount: 1 }),
    MalformedBatchError,
  );
});
