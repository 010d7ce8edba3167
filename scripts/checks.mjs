import { readdirSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { installDebianPackages } from "./debian-packages.mjs";
import { Failure } from "./failure.mjs";
import { root, run, wasInterrupted } from "./processes.mjs";

// Continuous integration gives a run 25 minutes; ending it ourselves says which step hung.
const DEADLINE_MILLIS = 24 * 60_000;

/** Node's own stripping of types is an experiment only when it is called. */
const BUNDLE = ["--disable-warning=ExperimentalWarning", "packages/cli/src/bundle/build-main.ts"];

/** Each is tested in a process of its own. */
const TEST_FOLDERS = ["packages", "conformance", "fuzz"];

/** @typedef {{ name: string, program: string, args: string[] }} Step */

/** @type {Step[]} */
const staticSteps = [
  { name: "types", program: "tsc", args: ["--noEmit", "-p", "tsconfig.json"] },
  { name: "lint", program: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "format", program: "oxfmt", args: ["--check"] },
];

/** Checks types, lint rules and format. */
export function check() {
  return runSteps(staticSteps);
}

/**
 * Runs the static checks, then every test: the packages' in one process, then the conformance and the fuzz tests in
 * one each.
 *
 * @param {string} node
 * @param {string[]} args - files or folders narrow the tests; options go to `node --test`
 */
export async function test(node, args) {
  const options = args.filter((arg) => arg.startsWith("-"));
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const steps = testSteps(node, { paths, options });
  const environment = await installDebianPackages();
  // Tests call functions of the sources; the servers that they start run as installed ones do.
  const bundling = { name: "bundle", program: node, args: BUNDLE };
  return runSteps([...staticSteps, bundling, ...steps], environment);
}

/**
 * The long crash tests: servers and databases killed under load, then verified.
 *
 * @param {string} node
 * @param {string[]} args
 */
export async function crashTest(node, args) {
  return run(node, ["packages/testkit/src/crash/main.ts", ...args], { environment: await installDebianPackages() });
}

/**
 * Byte mutations of everything that comes from outside, far more of them than `npm test` tries.
 *
 * @param {string} node
 * @param {string[]} args
 */
export async function fuzzTest(node, args) {
  return run(node, ["fuzz/main.ts", ...args]);
}

/**
 * Random policies and requests, decided by the evaluator and by a slow reference, far more of them than `npm test` compares.
 *
 * @param {string} node
 * @param {string[]} args
 */
export async function policyTest(node, args) {
  return run(node, ["packages/policy/test/main.ts", ...args]);
}

/**
 * Makes the bundle that servers start from, for where they cannot make it themselves.
 *
 * @param {string} node
 */
export function bundle(node) {
  return run(node, BUNDLE);
}

/**
 * @param {string} node
 * @param {string[]} args
 */
export async function benchmark(node, args) {
  return run(node, ["bench/main.ts", ...args], { environment: await installDebianPackages() });
}

/**
 * @param {string} node
 * @param {{ paths: string[], options: string[] }} selection
 * @returns {Step[]}
 */
function testSteps(node, { paths, options }) {
  const chosen = paths.length === 0 ? undefined : paths.map((path) => normalize(path).replace(/\/$/, ""));
  const groups = TEST_FOLDERS.map((name) => ({ name, files: testFiles(name, chosen) }));
  const found = groups.flatMap(({ files }) => files);
  for (const path of chosen ?? TEST_FOLDERS) {
    if (!found.some((file) => isWithin(file, path))) throw new Failure(`There are no tests in ${path}.`);
  }
  return groups
    .filter(({ files }) => files.length > 0)
    .map(({ name, files }) => ({
      name: `tests of ${name}`,
      program: node,
      // A failed test may leave a server open; without the forced exit it would keep the run from ever ending.
      args: ["--test", "--test-isolation=none", "--test-force-exit", ...options, ...files],
    }));
}

/**
 * @param {string} folder
 * @param {string[] | undefined} chosen
 */
function testFiles(folder, chosen) {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith(".test.ts") && !path.includes("node_modules"))
    .filter((path) => folder !== "packages" || path.split("/")[2] === "test")
    .filter((path) => chosen === undefined || chosen.some((choice) => isWithin(path, choice)))
    .filter((path) => statSync(join(root, path)).isFile())
    .toSorted();
}

/**
 * @param {string} file
 * @param {string} path
 */
function isWithin(file, path) {
  return path === "." || file === path || file.startsWith(`${path}/`);
}

/**
 * Runs every step, also after one has failed, and prints how each ended.
 *
 * @param {Step[]} steps
 * @param {Record<string, string>} [environment]
 * @returns {Promise<number>} 0 if all passed, else 1
 */
async function runSteps(steps, environment = {}) {
  const endAt = Date.now() + DEADLINE_MILLIS;
  const results = [];
  for (const { name, program, args } of steps) {
    console.log(`\n== ${name}: ${program} ${summary(args)}`);
    const startedAt = Date.now();
    const deadlineMillis = Math.max(endAt - startedAt, 1);
    const code = await run(program, args, { environment, deadlineMillis });
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(7);
    const outcome = code === 0 ? "passed" : Date.now() >= endAt ? "took too long" : `failed (exit code ${code})`;
    results.push({ line: `${seconds} s  ${name}: ${outcome}`, passed: code === 0 });
    if (wasInterrupted()) break;
  }
  console.log(`\n${results.map(({ line }) => line).join("\n")}`);
  return results.every(({ passed }) => passed) && !wasInterrupted() ? 0 : 1;
}

/** @param {string[]} args */
function summary(args) {
  const files = args.filter((arg) => arg.endsWith(".test.ts"));
  const rest = args.filter((arg) => !files.includes(arg)).join(" ");
  return files.length === 0 ? rest : `${rest} (${files.length} ${files.length === 1 ? "file" : "files"})`;
}
