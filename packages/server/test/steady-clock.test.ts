import assert from "node:assert/strict";
import { test } from "node:test";
import { SteadyClock } from "../src/destruction/index.ts";

const HOUR_MILLIS = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);

test("says for how long the store's time has run evenly, and begins anew when it jumps", () => {
  let monotonic = 5_000;
  const clock = new SteadyClock(() => monotonic);
  assert.equal(clock.look(NOW), 0);
  monotonic += HOUR_MILLIS;
  // Clocks drift, this way and that.
  assert.equal(clock.look(NOW + HOUR_MILLIS + 30_000), HOUR_MILLIS);
  assert.equal(clock.look(NOW + HOUR_MILLIS - 30_000), HOUR_MILLIS);
  // Set forward by a year.
  const year = 365 * 24 * HOUR_MILLIS;
  assert.equal(clock.look(NOW + year), 0);
  monotonic += HOUR_MILLIS;
  assert.equal(clock.look(NOW + year + HOUR_MILLIS), HOUR_MILLIS);
  // And back.
  assert.equal(clock.look(NOW + 2 * HOUR_MILLIS), 0);
  monotonic += 1;
  assert.equal(clock.look(NOW + 2 * HOUR_MILLIS), 1);
  // The machine slept: its own clock stood still.
  assert.equal(clock.look(NOW + 9 * HOUR_MILLIS), 0);
});
