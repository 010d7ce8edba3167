import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isPattern, Wildcard } from "../src/wildcard.ts";

/** A table of which beginnings of the pattern match which beginnings of the text. */
function tableLike(pattern: string, text: string): boolean {
  const p = Array.from(pattern);
  const t = Array.from(text);
  let row = [true, ...t.map(() => false)];
  for (const character of p) {
    const next: boolean[] = [character === "*" && row[0]!];
    for (const [j, given] of t.entries()) {
      const fits = character === "?" || character === given;
      next.push(character === "*" ? row[j + 1]! || next[j]! : fits && row[j]!);
    }
    row = next;
  }
  return row.at(-1)!;
}

test("matches as a table of all beginnings does", () => {
  const patterns = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "*a", "💼"), maxLength: 12 });
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "a", "💼"), maxLength: 14 });
  let matched = 0;
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const expected = tableLike(pattern, text);
      if (expected) matched++;
      assert.equal(new Wildcard(pattern).matches(text), expected);
    }),
    { numRuns: 20_000 },
  );
  assert(matched > 1_000);
});

test("takes backslashes, brackets and all else for themselves", () => {
  for (const text of [String.raw`a\*b`, "a.*b", "(a|b)+", "[ab]", "^a$", "a\nb"]) {
    assert(new Wildcard(text.replace("*", "?")).matches(text));
    assert(new Wildcard(`*${text}*`).matches(text));
    assert(!new Wildcard(text.replace("*", "")).matches("a"));
  }
});

test("tells letters' case, and counts a pair of surrogates as one character", () => {
  assert(!new Wildcard("KEY*").matches("key/k1"));
  assert(new Wildcard("?").matches("💼"));
  assert(!new Wildcard("??").matches("💼"));
  assert(new Wildcard("*?💼?*").matches("x💼y"));
});

test("takes patterns of 1,024 characters, of which 128 stand from one star to the next", () => {
  const part = "a".repeat(128);
  assert(isPattern("a".repeat(1_024)));
  assert(isPattern(`${"a".repeat(200)}*${part}*${part}`));
  assert(isPattern("*".repeat(1_024)));
  for (const pattern of ["a".repeat(1_025), `*${part}a`, `*${part}a*`, `*a*${part}a`, `**${part}a*`]) {
    assert(!isPattern(pattern));
  }
});

test("looks at each character of the text a bounded number of times, whatever the pattern", () => {
  const text = "a".repeat(100_000);
  const parts = ["*a", `*${"a".repeat(127)}b`, `*${"a?".repeat(64)}`, "*?", `*${"a".repeat(128)}`];
  for (const part of parts) {
    const pattern = part.repeat(Math.floor(1_023 / part.length));
    assert(isPattern(pattern));
    // Would not end for years if every star tried every place.
    assert(!new Wildcard(`${pattern}*b`).matches(text));
  }
});
