import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDuration } from "../src/emulator/duration.ts";

const DAY = 86_400_000;

test("reads the durations that are as long whenever they begin", () => {
  const durations = {
    P366D: 366 * DAY,
    P2W: 14 * DAY,
    P1W1D: 8 * DAY,
    PT0S: 0,
    PT1H30M: 5_400_000,
    P1DT1S: DAY + 1000,
  };
  for (const [text, millis] of Object.entries(durations)) assert.equal(parseDuration(text), millis, text);
});

test("refuses everything else", () => {
  for (const text of [
    "",
    "P",
    "PT",
    "P1Y",
    "P1M",
    "P1DT",
    "1D",
    "p1d",
    "P-1D",
    "P1.5D",
    "P1D ",
    "P1H",
    "PT1D",
    "PT1M1H",
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test("adds up what it is given", () => {
  const part = fc.nat(100_000);
  fc.assert(
    fc.property(part, part, part, part, part, (weeks, days, hours, minutes, seconds) => {
      assert.equal(
        parseDuration(`P${weeks}W${days}DT${hours}H${minutes}M${seconds}S`),
        ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000,
      );
    }),
  );
});
