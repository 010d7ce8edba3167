import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, wasInterrupted } from "./processes.mjs";
import { PASSED } from "./test-summary.mjs";

// Continuous integration gives a run 25 minutes; ending it ourselves says which step hung.
const DEADLINE_MILLIS = 24 * 60_000;

/** Tests wait for disks and timers much of their time. More at once would make calls late that tests expect in time. */
const STEPS_AT_ONCE = Math.min(availableParallelism(), 8);

/**
 * @typedef {{ name: string, program: string, args: string[], tested?: string[] }} Step - a step of `node --test` says which
 *   files it must have tested
 */
/** @typedef {{ line: string, passed: boolean }} Result */

/**
 * Runs every step, also after one has failed, and prints how each ended.
 *
 * @param {{ inOrder: Step[], atOnce?: Step[], environment?: Record<string, string> }} work - first those `inOrder`, each
 *   on this terminal; then those `atOnce`, several at a time, each shown whole when it has ended and what failed at the end
 * @returns {Promise<number>} 0 if all passed, else 1
 */
export async function runSteps({ inOrder, atOnce = [], environment = {} }) {
  const options = { environment, endAt: Date.now() + DEADLINE_MILLIS };
  /** @type {Result[]} */
  const results = [];
  // One alone needs no turn.
  const shown = atOnce.length === 1 ? [...inOrder, ...atOnce] : inOrder;
  for (const step of shown) {
    if (wasInterrupted()) break;
    console.log(`\n${title(step)}`);
    results.push(await runStep(step, options));
  }
  if (atOnce.length > 1) results.push(...(await runAtOnce(atOnce, options)));
  console.log(`\n${results.map(({ line }) => line).join("\n")}`);
  return results.every(({ passed }) => passed) && !wasInterrupted() ? 0 : 1;
}

/**
 * @param {Step[]} steps - are begun in this order
 * @param {{ endAt: number, environment: Record<string, string> }} options
 * @returns {Promise<Result[]>} each in the order in which they ended
 */
async function runAtOnce(steps, options) {
  const folder = mkdtempSync(join(tmpdir(), "cinnabar-steps-"));
  const waiting = steps.values();
  /** @type {Result[]} */
  const results = [];
  /** @type {string[]} */
  const failures = [];
  const runWaiting = async () => {
    // They all take from the same.
    for (const step of waiting) {
      if (wasInterrupted()) return;
      const outputPath = join(folder, `${steps.indexOf(step)}.txt`);
      const result = await runStep(step, { ...options, outputPath });
      const printed = `\n${title(step)}\n${readFileSync(outputPath, "utf8")}`;
      if (!result.passed) failures.push(printed);
      console.log(result.passed ? printed : `\n${title(step)}\n${result.line}; what it printed stands at the end`);
      results.push(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: STEPS_AT_ONCE }, runWaiting));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const printed of failures) console.log(printed);
  return results;
}

/**
 * @param {Step} step
 * @param {{ endAt: number, environment: Record<string, string>, outputPath?: string }} options
 * @returns {Promise<Result>}
 */
async function runStep({ name, program, args, tested }, { endAt, environment, outputPath }) {
  const startedAt = Date.now();
  if (startedAt >= endAt) return { line: `        -    ${name}: not begun`, passed: false };
  const output = outputPath === undefined ? undefined : openSync(outputPath, "w");
  const folder = mkdtempSync(join(tmpdir(), "cinnabar-summary-"));
  const summaryPath = join(folder, "summary.txt");
  const all = tested === undefined ? args : [...reportedTo(summaryPath), ...args];
  const code = await run(program, all, { environment, deadlineMillis: endAt - startedAt, output });
  if (output !== undefined) closeSync(output);
  const untested = tested && untestedOf(tested, summaryPath);
  rmSync(folder, { recursive: true });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(7);
  // What is ended from outside may still say that all is well.
  const isLate = Date.now() >= endAt;
  const failure = isLate ? "took too long" : code === 0 ? untested : `failed (exit code ${code})`;
  return { line: `${seconds} s  ${name}: ${failure ?? "passed"}`, passed: failure === undefined };
}

/** @param {string} summaryPath */
function reportedTo(summaryPath) {
  const reporters = { spec: "stdout", [join(root, "scripts/test-summary.mjs")]: summaryPath };
  return Object.entries(reporters).flatMap(([reporter, destination]) => [
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${destination}`,
  ]);
}

/**
 * A process that ends by itself before its tests have, or loses some, exits with 0 all the same.
 *
 * @param {string[]} files
 * @param {string} summaryPath
 * @returns {string | undefined} what is wrong
 */
function untestedOf(files, summaryPath) {
  const text = existsSync(summaryPath) ? readFileSync(summaryPath, "utf8") : "";
  if (text === "") return "failed (ended before its tests had)";
  const [outcome, ...ran] = text.split("\n");
  if (outcome !== PASSED) return "failed (its summary says so)";
  const missing = files.find((file) => !ran.includes(join(root, file)));
  return missing && `failed (no tests were run of ${missing})`;
}

/** @param {Step} step */
function title({ name, program, args }) {
  const files = args.filter((arg) => arg.endsWith(".test.ts"));
  const rest = args.filter((arg) => !files.includes(arg)).join(" ");
  const count = files.length === 0 ? "" : ` (${files.length} ${files.length === 1 ? "file" : "files"})`;
  return `== ${name}: ${program} ${rest}${count}`;
}
