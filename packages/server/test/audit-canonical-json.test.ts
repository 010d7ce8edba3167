import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCanonicalJson } from "../src/audit/canonical-json.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** RFC 8785 written down in the shortest way. */
function canonical(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name]!)}`).join(",")}}`;
}

const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);

test("takes the canonical text of any value, and of every other spelling none", () => {
  fc.assert(
    fc.property(json, fc.nat(3), (value, indent) => {
      const text = canonical(value);
      assert.deepEqual(parseCanonicalJson(text), value);
      const other = JSON.stringify(value, undefined, indent);
      assert.equal(parseCanonicalJson(other) !== undefined, other === text);
    }),
  );
});

test("takes keys in the order of their UTF-16 code units, also those that look like array indices", () => {
  assert.deepEqual(parseCanonicalJson('{"-":1,"10":2,"9":3,"\u{1f600}":4,"\ufb33":5}'), {
    "-": 1,
    "10": 2,
    "9": 3,
    "\u{1f600}": 4,
    "\ufb33": 5,
  });
  for (const text of ['{"9":3,"10":2}', '{"10":2,"-":1}', '{"b":1,"a":1}', '{"\ufb33":5,"\u{1f600}":4}']) {
    assert.equal(parseCanonicalJson(text), undefined, text);
  }
});

test("refuses what is JSON in another spelling, or none", () => {
  const texts = [
    "",
    "{",
    '{"a":1,"a":1}',
    "[1.0]",
    "[1E2]",
    "[-0]",
    '["\\u0041"]',
    '["\\/"]',
    " 1",
    "[1, 2]",
    "undefined",
  ];
  for (const text of texts) assert.equal(parseCanonicalJson(text), undefined, text);
});

test("refuses a lone surrogate in a value or a key (RFC 8785 section 3.2.2.2)", () => {
  for (const text of ['["\\ud800"]', '{"\\udfff":1}']) assert.equal(parseCanonicalJson(text), undefined, text);
});

test("refuses what is nested too deeply to be an event, however deep", () => {
  for (const depth of [40, 100_000]) {
    assert.equal(parseCanonicalJson("[".repeat(depth) + "]".repeat(depth)), undefined);
    assert.equal(parseCanonicalJson(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`), undefined);
  }
});

test("takes a key named __proto__ as a key", () => {
  assert.notEqual(parseCanonicalJson('{"__proto__":{"a":1}}'), undefined);
});
