import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ownCopy } from "../src/platform/index.ts";

test("is the same text, whatever is in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", "\ud800", "\udc00\ud800"), (text, half) => {
      assert.equal(ownCopy(text + half), text + half);
    }),
  );
});
