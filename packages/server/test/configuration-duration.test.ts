import assert from "node:assert/strict";
import { test } from "node:test";
import { duration } from "../src/configuration/duration.ts";

test("reads lengths of time in seconds, minutes, hours and days", () => {
  for (const [text, millis] of [
    ["0s", 0],
    ["90s", 90_000],
    ["15m", 900_000],
    ["12h", 43_200_000],
    ["35d", 3_024_000_000],
    ["3660d", 316_224_000_000],
  ] as const) {
    assert.equal(duration.parse(text), millis);
  }
});

test("refuses everything else", () => {
  for (const text of [
    "",
    "1",
    "h",
    "1.5h",
    "-1h",
    "+1h",
    "01h",
    "1 h",
    "1H",
    "1w",
    "1h30m",
    "3661d",
    "1e3s",
    "99999999999s",
  ]) {
    assert.equal(duration.safeParse(text).success, false, text);
  }
});
