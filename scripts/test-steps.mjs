import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { Failure } from "./failure.mjs";
import { root } from "./processes.mjs";

/** No process runs tests of two. */
const FOLDERS = ["packages", "conformance", "fuzz"];

/** Set to 1, it has tests do what takes too long for every run. */
export const SLOW = "CINNABAR_TEST_SLOW";

/** As many as are worth a process of their own, which loads what they test and starts a PostgreSQL. */
const FILES_OF_A_STEP = 16;

/** Each is half as long as a step or longer: they have processes of their own and are begun first, the longest in front. */
const LONG_FILES = [
  "conformance/test/official-clients.test.ts",
  "packages/server/test/rotation-process.test.ts",
  "packages/server/test/destruction.test.ts",
  "packages/cli/test/bundle.test.ts",
  "packages/testkit/test/rights.test.ts",
  "packages/server/test/isolation-ram.test.ts",
  "packages/testkit/test/revocation.test.ts",
  "packages/server/test/audit-mutations.test.ts",
  "packages/server/test/seal-process.test.ts",
  "packages/testkit/test/accounts.test.ts",
  "packages/server/test/isolation.test.ts",
  "packages/server/test/doctor.test.ts",
];

/** @typedef {import("./steps.mjs").Step} Step */

/**
 * Deals the tests out to steps that can run at the same time.
 *
 * @param {string} node
 * @param {string[]} args - files or folders narrow the tests; options go to `node --test`
 * @returns {Step[]}
 * @throws {Failure} if there are no tests in one of the folders
 */
export function testSteps(node, args) {
  const options = args.filter((arg) => arg.startsWith("-"));
  const paths = args.filter((arg) => !arg.startsWith("-")).map((path) => normalize(path).replace(/\/$/, ""));
  const found = FOLDERS.flatMap((folder) => testFiles(folder));
  const missed = paths.find((path) => !found.some((file) => isWithin(file, path)));
  if (missed !== undefined) throw new Failure(`There are no tests in ${missed}.`);
  const files = found.filter((file) => paths.length === 0 || paths.some((path) => isWithin(file, path)));
  const long = LONG_FILES.filter((file) => files.includes(file));
  const groups = FOLDERS.flatMap((folder) =>
    dealOut(files.filter((file) => isWithin(file, folder) && !long.includes(file))).map((group, i, { length }) => ({
      name: `tests of ${folder}${length === 1 ? "" : `, ${i + 1} of ${length}`}`,
      files: group,
    })),
  );
  return [...long.map((file) => ({ name: `tests of ${file}`, files: [file] })), ...groups].map((step) => ({
    name: step.name,
    program: node,
    // A failed test may leave a server open; without the forced exit it would keep the run from ever ending.
    args: ["--test", "--test-isolation=none", "--test-force-exit", ...options, ...step.files],
    // Options may leave tests out.
    tested: options.length === 0 ? step.files : [],
  }));
}

/** The tests that do more of the same, or something more, where CINNABAR_TEST_SLOW is set. */
export function slowTests() {
  return FOLDERS.flatMap((folder) => testFiles(folder)).filter((file) =>
    readFileSync(join(root, file), "utf8").includes(SLOW),
  );
}

/**
 * Neighbours are alike, and as long as each other: they go to different steps.
 *
 * @param {string[]} files
 */
function dealOut(files) {
  const count = Math.ceil(files.length / FILES_OF_A_STEP);
  return Array.from({ length: count }, (_, step) => files.filter((_file, i) => i % count === step));
}

/** @param {string} folder */
function testFiles(folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith(".test.ts") && !path.includes("node_modules"))
    .filter((path) => folder !== "packages" || path.split("/")[2] === "test")
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
