import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { runCampaign } from "./campaign.ts";

const DENIED = ["session denies", "session does not allow", "identity denies", "resource denies"];
const ALLOWED = ["root", "user", "role", "application", "service", "federated"].map((kind) => `${kind} allowed`);
const EXPLAINED = ["is allowed", "is allowed once changed", "no policy could allow it"].map(
  (outcome) => `explained: ${outcome}`,
);

test("decides 100,000 random policy sets and requests as the reference does, and explains some of them", (t) => {
  // Others in each run. `npm run test:policy -- --seed N --count 1` repeats one.
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const outcomes = runCampaign({ seed, count: 100_000, explainEvery: 20 });
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
  // Of each outcome that there is enough to mean something.
  for (const outcome of [...DENIED, ...ALLOWED, ...EXPLAINED]) {
    assert((outcomes.get(outcome) ?? 0) >= 100, outcome);
  }
});
