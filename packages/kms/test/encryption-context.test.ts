import assert from "node:assert/strict";
import { test } from "node:test";
import { newKeyVersionId } from "@cinnabar/kernel";
import * as fc from "fast-check";
import { associatedData, encryptionContext } from "../src/cryptography/encryption-context.ts";

const VERSION = newKeyVersionId();

const text = fc.string({ unit: "grapheme" });
/** Few characters, so that names and values often look like one another run together. */
const confusable = fc.string({ unit: fc.constantFrom("a", "=", "&", "\0", ",", '"'), maxLength: 4 });
const entries = (of: fc.Arbitrary<string>) =>
  fc.uniqueArray(fc.tuple(of, of), { selector: ([name]) => name, maxLength: 4 });

test("different contexts have different associated data, and equal ones the same in any order", () => {
  fc.assert(
    fc.property(entries(confusable), entries(confusable), (a, b) => {
      const sorted = (context: [string, string][]) => JSON.stringify(context.toSorted(([x], [y]) => (x < y ? -1 : 1)));
      const isSame = sorted(a) === sorted(b);
      assert.equal(associatedData(VERSION, new Map(a)).equals(associatedData(VERSION, new Map(b))), isSame);
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(entries(text), (context) => {
      const reversed = new Map(context.toReversed());
      assert.deepEqual(associatedData(VERSION, reversed), associatedData(VERSION, new Map(context)));
    }),
  );
});

test("what the cloud confuses is told apart", () => {
  const one = associatedData(VERSION, new Map([["a", "1&b=2"]]));
  const two = associatedData(
    VERSION,
    new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
  );
  assert.notDeepEqual(one, two);
});

test("the associated data names the key version, and no context is as good as an empty one", () => {
  assert.notDeepEqual(associatedData(VERSION), associatedData(newKeyVersionId()));
  assert.deepEqual(associatedData(VERSION), associatedData(VERSION, new Map()));
});

test("takes maps of Unicode text whose JSON has at most 8192 characters", () => {
  const isTaken = (entries: [string, unknown][]): boolean => encryptionContext.safeParse(new Map(entries)).success;
  const overhead = '{"k":""}'.length;
  assert.equal(isTaken([["k", "v".repeat(8192 - overhead)]]), true);
  assert.equal(isTaken([["k", "v".repeat(8193 - overhead)]]), false);
  assert.equal(isTaken([["__proto__", "v".repeat(8192)]]), false);
  assert.equal(
    isTaken([
      ["__proto__", "v"],
      ["", ""],
    ]),
    true,
  );
  assert.equal(isTaken([["\ud800", "v"]]), false);
  assert.equal(isTaken([["k", "\udfff"]]), false);
  assert.equal(isTaken([["k", 1]]), false);
  assert.equal(encryptionContext.safeParse({ k: "v" }).success, false);
});
