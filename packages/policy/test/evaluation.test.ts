import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./campaign.ts";

test("decides 100,000 random policy sets and requests as the reference does, and explains some of them", (t) => {
  const outcomes = runCampaign({ seed: 4, count: 100_000, explainEvery: 20 });
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
  // Of each outcome that there is enough to mean something.
  for (const outcome of ["allowed", "session denies", "session does not allow", "identity denies", "resource denies"]) {
    assert((outcomes.get(outcome) ?? 0) >= 100, outcome);
  }
});
