import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonNumber, type JsonObject, type JsonValue, readJson } from "../src/json-reader.ts";
import { PolicyError } from "../src/policy-error.ts";

/** As `JSON.parse` gives it. */
function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof Map)
    return Object.fromEntries([...(value as JsonObject)].map(([name, member]) => [name, plain(member)]));
  return Array.isArray(value) ? value.map((element: JsonValue) => plain(element)) : value;
}

test("reads what JSON.stringify writes, however it is indented", () => {
  const value = fc
    .jsonValue({ maxDepth: 4, stringUnit: "binary" })
    .filter((value) => !JSON.stringify(value).includes("__proto__"));
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1, "\t", "\r\n"), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      // Of escapes and half characters JSON.parse takes more.
      if (text.isWellFormed() && !/[\p{Cc}]/u.test(text.replaceAll(/[\t\r\n]/g, "")) && !/\\ud[89a-f]/.test(text)) {
        assert.deepEqual(plain(readJson(text)), JSON.parse(text));
      }
    }),
    { numRuns: 3_000 },
  );
});

test("takes no text that JSON.parse refuses", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    '"b":',
    "\\",
    String.raw`\n`,
    "1",
    "-",
    "01",
    ".5",
    "1e5",
    "true",
    "nul",
    "null",
    " ",
    "\n",
    "\u0007",
    "//",
  ];
  let taken = 0;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      let value: JsonValue;
      try {
        value = readJson(text);
      } catch (error) {
        assert(error instanceof PolicyError);
        return;
      }
      taken++;
      assert.deepEqual(plain(value), JSON.parse(text));
    }),
    { numRuns: 20_000 },
  );
  assert(taken > 100);
});

test("reads 16 arrays within each other, and no more", () => {
  readJson(`${"[".repeat(16)}${"]".repeat(16)}`);
  assert.throws(() => readJson(`${"[".repeat(17)}${"]".repeat(17)}`), /at most 16/);
});
