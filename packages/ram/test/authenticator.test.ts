import assert from "node:assert/strict";
import { test } from "node:test";
import { keptBytes } from "@cinnabar/testkit";

test("remembers ids that were issued, and not the requests that they came with", async () => {
  const bytes = await keptBytes(import.meta.resolve("./support/keep-issued-ids.ts"));
  assert.ok(bytes < 10_000, `${bytes} bytes for each`);
});
