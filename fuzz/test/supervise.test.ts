import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { mutationAt, type TargetReport } from "../src/engine/campaign.ts";
import { supervise } from "../src/engine/supervise.ts";
import { TemporaryFolder } from "../src/targets/temporary-folder.ts";
import { findTarget } from "./planted-targets.ts";

const targets = new URL("planted-targets.ts", import.meta.url).href;
const SEED = 5;
const COUNT = 600;
/** Shorter than the time of a real run, and longer than these attempts take on the slowest machine. */
const HANG_MILLIS = 10_000;

async function reportsOn(...names: string[]): Promise<readonly TargetReport[]> {
  const reports: TargetReport[] = [];
  const plans = names.map((name) => ({ name, seed: SEED, first: 0, count: COUNT }));
  await supervise(plans, { targets, hangMillis: HANG_MILLIS, onReport: (report) => reports.push(report) });
  assert.deepEqual(
    reports.map(({ name }) => name),
    names,
  );
  return reports;
}

test("counts what came of the mutations, and finds nothing where there is nothing", async () => {
  const [report] = await reportsOn("sound");
  assert.deepEqual(report?.outcomes, { fine: COUNT });
  assert.deepEqual(report.findings, []);
});

test("finds a promise that does not hold, and the smallest input that shows it", async () => {
  const [report] = await reportsOn("violated");
  assert(report !== undefined && report.findings.length > 0);
  for (const finding of report.findings) {
    assert.equal(finding.problem, "a zero byte was taken");
    assert.equal(finding.input, "00");
    const target = await findTarget("violated").open();
    assert(mutationAt(target, { name: "violated", seed: SEED }, finding.index ?? -1).includes(0));
  }
});

test("finds an error that nobody declared", async () => {
  const [report] = await reportsOn("careless");
  assert.match(report?.findings[0]?.problem ?? "", /^an error that is not declared: TypeError: /);
});

test("finds what a round and the end show", async () => {
  const [forgetful, unfinished] = await reportsOn("forgetful", "unfinished");
  assert.equal(forgetful?.findings[0]?.problem, "after the attempts 0 to 249: the round left something");
  assert.equal(unfinished?.findings[0]?.problem, "at the end: the end left something");
});

test("finds a hang and a crash, and goes on with the targets after them", async () => {
  const [hanging, crashing, sound] = await reportsOn("hanging", "crashing", "sound");
  assert.match(hanging?.findings[0]?.problem ?? "", /^no attempt ended for 10000 ms: this one hangs$/);
  assert.match(crashing?.findings[0]?.problem ?? "", /^the process would have ended: TypeError: nobody caught this/);
  for (const { name, findings } of [hanging!, crashing!]) {
    const target = await findTarget(name).open();
    assert(mutationAt(target, { name, seed: SEED }, findings[0]?.index ?? -1).length > "planted".length);
  }
  assert.deepEqual(sound?.outcomes, { fine: COUNT });
});

test("leaves no temporary file of a target that hangs", async () => {
  await using folder = await TemporaryFolder.make();
  const { path: temporary } = folder;
  const reports: TargetReport[] = [];
  const onReport = (report: TargetReport) => reports.push(report);
  const plan = { name: "littering", seed: SEED, first: 0, count: COUNT };
  await supervise([plan], { targets, hangMillis: HANG_MILLIS, temporary, onReport });
  assert.match(reports[0]?.findings[0]?.problem ?? "", /this one hangs$/);
  assert.deepEqual(await readdir(temporary), []);
});
