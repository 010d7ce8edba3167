import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { lengthPrefixed } from "../src/index.ts";

/** Written from the format, not from the encoder. */
function decode(encoded: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let offset = 4;
  for (let left = encoded.readUInt32BE(0); left > 0; left--) {
    const start = offset + 4;
    offset = start + encoded.readUInt32BE(offset);
    assert(offset <= encoded.length);
    parts.push(encoded.subarray(start, offset));
  }
  assert.equal(offset, encoded.length);
  return parts;
}

const part = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.uint8Array({ maxLength: 12 }));

test("lengthPrefixed is injective: the parts can be read back from the encoding", () => {
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      assert.deepEqual(
        decode(lengthPrefixed(parts)),
        parts.map((part) => Buffer.from(part)),
      );
    }),
  );
});

test("lengthPrefixed of a list is u32be count, then u32be length and bytes of each part", () => {
  assert.equal(lengthPrefixed([]).toString("hex"), "00000000");
  assert.equal(lengthPrefixed(["é", Buffer.of(7)]).toString("hex"), "0000000200000002c3a90000000107");
});

test("lengthPrefixed refuses lone surrogates", () => {
  for (const text of ["\ud800", "a\udfff", "\udc00\ud800"]) assert.throws(() => lengthPrefixed([text]), RangeError);
  assert.doesNotThrow(() => lengthPrefixed(["\u{1f511}"]));
});
