import assert from "node:assert/strict";
import { test } from "node:test";
import { batchHeader } from "@cinnabar/kernel";
import fc from "fast-check";
import { isBatchHeader, parseBatchHeader } from "../src/audit/batch-header.ts";

const integer = fc.maxSafeNat();
const row = fc.record({
  shard: integer,
  seq: integer,
  incarnation: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  firstIndex: integer,
  eventCount: integer,
  epoch: integer,
  time: integer,
  sum: fc.uint8Array(),
});

/** Format byte 2 begins what stands for dropped events, which is 33 bytes. */
const storedEvents = fc.uint8Array().filter(([format]) => format !== 2);

test("reads from any batch's header what was written into it", () => {
  fc.assert(
    fc.property(row, storedEvents, (row, events) => {
      const header = batchHeader(row, events);
      const { sum: _, ...place } = row;
      assert.equal(isBatchHeader(header), true);
      assert.deepEqual(parseBatchHeader(header), {
        ...place,
        incarnation: Buffer.from(row.incarnation).toString("hex"),
      });
    }),
  );
});

test("refuses a header of another form", () => {
  const header = batchHeader(
    {
      shard: 1,
      seq: 2,
      incarnation: new Uint8Array(16),
      firstIndex: 3,
      eventCount: 4,
      epoch: 5,
      time: 6,
      sum: new Uint8Array(),
    },
    new Uint8Array(),
  ).toString();
  const others = [
    header.slice(0, -1),
    `${header}\n`,
    header.replace("shard 1", "shard 01"),
    header.replace("seq 2", "seq -2"),
    header.replace("time 6", `time ${2 ** 53}`),
    header.replace("v1", "v2"),
    header.replace("epoch 5\n", ""),
    header.replace("incarnation 00", "incarnation 0"),
  ];
  for (const other of others) assert.equal(parseBatchHeader(Buffer.from(other)), undefined, other);
  assert.equal(isBatchHeader(Buffer.from('{"acsRegion":"cn-hangzhou"}')), false);
  assert.equal(isBatchHeader(Buffer.from("cinnabar/")), false);
});
