import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Column, encodeColumn, hashText, MalformedColumnError, NO_VALUE } from "../src/event-index/column.ts";
import { decodePlaces, encodePlaces } from "../src/event-index/places.ts";

const hash = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 }), fc.nat(0xffffffff));
const columnValues = fc.array(hash, { maxLength: 1_500, size: "max" }).chain((hashes) =>
  fc
    .array(fc.tuple(fc.nat(Math.max(0, hashes.length - 1)), hash), { maxLength: hashes.length === 0 ? 0 : 20 })
    .map((further) => ({
      hashes: Uint32Array.from(hashes),
      further: further.map(([position, hash]) => ({ position, hash })),
    })),
);

test("a column is read as it was written, and counts each position that has a value once", () => {
  fc.assert(
    fc.property(columnValues, hash, (values, other) => {
      const column = new Column(encodeColumn(values));
      assert.equal(column.positions, values.hashes.length);
      assert.deepEqual(column.values(), values);
      for (const wanted of new Set([
        ...values.hashes.slice(0, 3),
        ...values.further.slice(0, 2).map(({ hash }) => hash),
        other,
      ])) {
        const having = new Set<number>();
        for (const [position, hash] of values.hashes.entries()) if (hash === wanted) having.add(position);
        for (const { position, hash } of values.further) if (hash === wanted) having.add(position);
        assert.equal(column.has(wanted), having.size > 0);
        if (column.isEverywhere(wanted)) assert.equal(having.size, column.positions);
        const counts = new Uint8Array(column.positions).fill(7);
        column.count(wanted, counts);
        assert.deepEqual(
          [...counts],
          Array.from(counts, (_, position) => (having.has(position) ? 8 : 7)),
        );
      }
    }),
    { numRuns: 150 },
  );
});

test("bytes that are no column are refused as such, whatever they are", () => {
  const read = (bytes: Uint8Array): void => {
    try {
      const column = new Column(bytes);
      column.has(1);
      column.count(1, new Uint8Array(column.positions));
      column.values();
    } catch (error) {
      assert.ok(error instanceof MalformedColumnError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), read));
  fc.assert(
    fc.property(columnValues, fc.nat(), fc.nat(255), (values, at, byte) => {
      const bytes = encodeColumn(values);
      bytes[at % bytes.length] = byte;
      read(bytes);
      read(bytes.subarray(0, at % bytes.length));
    }),
  );
});

test("places are read as they were written, and other bytes refused", () => {
  const batch = fc.record({ gap: fc.nat(3), eventCount: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 30 }), fc.nat(2 ** 40), fc.nat(), (gaps, minTime, at) => {
      const firstSeq = 9;
      let seq = firstSeq;
      const batches = gaps.map(({ gap, eventCount }) => ({ seq: (seq += gap), eventCount }));
      const events = batches.reduce((sum, { eventCount }) => sum + eventCount, 0);
      const seconds = Float64Array.from({ length: events }, (_, i) => minTime + ((i * 7919) % 100));
      const base = { firstSeq, minTime };
      const bytes = encodePlaces({ batches, seconds }, base);
      assert.deepEqual(decodePlaces(bytes, base), { batches, seconds });
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 1;
      for (const damaged of [bytes, bytes.subarray(0, at % bytes.length)]) {
        try {
          decodePlaces(damaged, base);
        } catch (error) {
          assert.ok(error instanceof MalformedColumnError, String(error));
        }
      }
    }),
  );
});

test("no text has the hash of what has no value", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.notEqual(hashText(text), NO_VALUE)));
});
