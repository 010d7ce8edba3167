import { installDebianPackages } from "./debian-packages.mjs";
import { run } from "./processes.mjs";
import { runSteps } from "./steps.mjs";
import { SLOW, slowTests, testSteps } from "./test-steps.mjs";

/** Node's own stripping of types is an experiment only when it is called. */
const BUNDLE = ["--disable-warning=ExperimentalWarning", "packages/cli/src/bundle/build-main.ts"];

/** @type {import("./steps.mjs").Step[]} */
const staticSteps = [
  { name: "types", program: "tsc", args: ["--noEmit", "-p", "tsconfig.json"] },
  { name: "lint", program: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "format", program: "oxfmt", args: ["--check"] },
];

/** Checks types, lint rules and format. */
export function check() {
  return runSteps({ inOrder: staticSteps });
}

/**
 * Runs the static checks, then every test, in several processes at a time.
 *
 * @param {string} node
 * @param {string[]} args - files or folders narrow the tests; options go to `node --test`
 */
export async function test(node, args) {
  const atOnce = testSteps(node, args);
  const environment = await installDebianPackages();
  // Tests call functions of the sources; the servers that they start run as installed ones do.
  const bundling = { name: "bundle", program: node, args: BUNDLE };
  return runSteps({ inOrder: [...staticSteps, bundling], atOnce, environment });
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
 * The tests that do more where they may take their time, one file after the other, with all that `npm test` leaves out.
 *
 * @param {string} node
 * @param {string[]} args - options go to `node --test`
 */
export async function slowTest(node, args) {
  const environment = { ...(await installDebianPackages()), [SLOW]: "1" };
  return run(node, ["--test", "--test-concurrency=1", ...args, ...slowTests()], { environment });
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
