import assert from "node:assert/strict";
import { test } from "node:test";
import { runFuzz } from "../src/run.ts";
import { formatReport } from "../src/report.ts";
import { planFor } from "../src/plans.ts";
import { targets } from "../src/targets/index.ts";

const SEED = 20_261_122;
const COUNT = 20_000;
/** Attempts between two comparisons. */
const ROUND = 250;

test("20,000 mutations crash nothing, hang nothing, and are refused as documented", async () => {
  const reports = await runFuzz({ targets, seed: SEED, count: COUNT, onReport: () => undefined });
  const failed = reports.filter(({ findings }) => findings.length > 0);
  assert.deepEqual(failed, [], failed.map((report) => formatReport(report, SEED)).join("\n"));
  assert.deepEqual(
    new Map(reports.map(({ name, attempts }) => [name, attempts])),
    new Map(planFor(targets, { seed: SEED, count: COUNT }).map(({ name, count }) => [name, count])),
  );
  // What was refused is known to have changed nothing.
  const figure = (target: string, of: string) => reports.find(({ name }) => name === target)?.figures[of] ?? 0;
  const rounds = Math.ceil((reports.find(({ name }) => name === "http")?.attempts ?? 0) / ROUND);
  assert.equal(figure("http", "rounds compared"), rounds);
  const changing = reports.find(({ name }) => name === "http-changes");
  assert(figure("http-changes", "refusals compared") > (changing?.attempts ?? 0) / 2);
  // A target that takes nothing, or refuses nothing, is not looked at.
  for (const { name, outcomes } of reports) {
    assert(
      Object.keys(outcomes).some((outcome) => /^refused|^found|^[A-Z]/.test(outcome)),
      `${name} refuses nothing`,
    );
  }
});
