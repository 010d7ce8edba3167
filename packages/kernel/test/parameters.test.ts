import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { booleanText, integerText, isStorable, jsonText, oneOf, storableText } from "../src/parameters/index.ts";

/** The value that a text is read as, or what a caller is told of it. */
function read<Value>(schema: z.ZodType<Value>, text: string): { value: Value } | { advice: string | undefined } {
  const { success, data, error } = schema.safeParse(text);
  return success ? { value: data } : { advice: error.issues[0]?.message };
}

test("reads an integer within its bounds, and says them for every other text", () => {
  const schema = integerText({ min: -3, max: 40 });
  const advice = "It must be an integer from -3 to 40.";
  fc.assert(
    fc.property(fc.integer({ min: -100, max: 100 }), (value) => {
      assert.deepEqual(read(schema, String(value)), value >= -3 && value <= 40 ? { value } : { advice });
    }),
  );
  for (const text of ["", " 1", "1 ", "+1", "1.0", "1e1", "0x1", "1_0", "٣", "NaN", "1".repeat(16)]) {
    assert.deepEqual(read(schema, text), { advice }, text);
  }
});

test("reads one of some values, in their case alone", () => {
  assert.deepEqual(read(oneOf(["Enabled", "Disabled"]), "Disabled"), { value: "Disabled" });
  assert.deepEqual(read(oneOf(["Enabled", "Disabled"]), "disabled"), {
    advice: "It must be one of Enabled, Disabled.",
  });
  assert.deepEqual(read(booleanText, "true"), { value: true });
  assert.deepEqual(read(booleanText, "false"), { value: false });
  assert.deepEqual(read(booleanText, "True"), { advice: "It must be one of true, false." });
});

test("takes text that both databases store as it is, up to its length", () => {
  const schema = storableText({ maxCharacters: 4 });
  assert.deepEqual(read(schema, "aé😀"), { value: "aé😀" });
  assert.deepEqual(read(schema, "aaaaa"), { advice: "It must have at most 4 characters." });
  for (const text of ["\0", "a\ud800", "\udc00b"]) {
    assert.equal(isStorable(text), false);
    assert.deepEqual(read(schema, text), { advice: "It must be Unicode text without the character U+0000." });
  }
});

test("reads JSON of one shape and of a bounded size, and says one sentence for all else", () => {
  const advice = "It must be a JSON array of numbers.";
  const schema = jsonText(z.array(z.number()), advice, { maxBytes: 5 });
  assert.deepEqual(read(schema, "[1,2]"), { value: [1, 2] });
  for (const text of ["", "[", "{}", '["1"]', "[1,22]"]) assert.deepEqual(read(schema, text), { advice }, text);
});
