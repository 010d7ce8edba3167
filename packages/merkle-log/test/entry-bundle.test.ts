import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeEntryBundle,
  encodeEntryBundle,
  EntryBundleBuilder,
  MAX_ENTRY_BYTES,
  type TileFile,
} from "../src/index.ts";

const malformed = { name: "MerkleError", code: "malformed-tile" };
const tooLarge = { name: "MerkleError", code: "entry-too-large" };
const entries = Array.from({ length: 600 }, (_, index) => Buffer.from(`entry ${index}`));

test("writes each entry after its length", () => {
  const bundle = encodeEntryBundle([Buffer.from("ab"), Buffer.alloc(0), Buffer.from("c")]);
  assert.equal(bundle.toString("hex"), "000261620000000163");
});

test("decodes every bundle that it encodes, and no shorter, longer or miscounted one", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 }), (list) => {
      const bundle = encodeEntryBundle(list);
      assert.deepEqual(
        decodeEntryBundle(bundle, list.length),
        list.map((entry) => Buffer.from(entry)),
      );
      assert.throws(() => decodeEntryBundle(bundle.subarray(0, -1), list.length), malformed);
      assert.throws(() => decodeEntryBundle(Buffer.concat([bundle, Buffer.of(0)]), list.length), malformed);
      assert.throws(() => decodeEntryBundle(bundle, list.length - 1), malformed);
      assert.throws(() => decodeEntryBundle(bundle, list.length + 1), malformed);
    }),
  );
});

test("holds the longest entry and refuses one byte more", () => {
  const longest = Buffer.alloc(MAX_ENTRY_BYTES, 7);
  assert.deepEqual(decodeEntryBundle(encodeEntryBundle([longest]), 1), [longest]);
  const builder = new EntryBundleBuilder();
  assert.throws(() => encodeEntryBundle([Buffer.alloc(MAX_ENTRY_BYTES + 1)]), tooLarge);
  assert.throws(() => builder.add(Buffer.alloc(MAX_ENTRY_BYTES + 1)), tooLarge);
  assert.equal(builder.finish(), undefined);
});

test("refuses empty and overfull bundles", () => {
  assert.throws(() => encodeEntryBundle([]), RangeError);
  assert.throws(() => encodeEntryBundle(entries.slice(0, 257)), RangeError);
});

test("builds full bundles as they fill and the partial one at the end", () => {
  const builder = new EntryBundleBuilder();
  const files = entries.map((entry) => builder.add(entry)).filter((file): file is TileFile => file !== undefined);
  const last = builder.finish();
  assert.deepEqual(files, [
    { path: "tile/entries/000", bytes: encodeEntryBundle(entries.slice(0, 256)) },
    { path: "tile/entries/001", bytes: encodeEntryBundle(entries.slice(256, 512)) },
  ]);
  assert.deepEqual(last, { path: "tile/entries/002.p/88", bytes: encodeEntryBundle(entries.slice(512)) });
});
