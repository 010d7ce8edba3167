import { benchmark, bundle, check, crashTest, fuzzTest, policyTest, slowTest, test } from "./checks.mjs";
import { installDependencies } from "./dependencies.mjs";
import { Failure } from "./failure.mjs";
import { findNode } from "./node.mjs";
import { run } from "./processes.mjs";

// The npm scripts start this with `exec`: without it a shell stands between npm and us and keeps the signals.
/** @type {Record<string, (node: string, args: string[]) => Promise<number>>} */
const commands = {
  start: (node, args) => run(node, ["packages/cli/bin/cinnabar.js", "serve", ...args]),
  check: () => check(),
  test,
  "test:crash": crashTest,
  "test:fuzz": fuzzTest,
  "test:policy": policyTest,
  "test:slow": slowTest,
  bench: benchmark,
  bundle,
  "fixture:data-directory": (node, args) => run(node, ["packages/testkit/src/upgrade/main.ts", ...args]),
};

const [name = "", ...args] = process.argv.slice(2);
try {
  const command = commands[name];
  if (command === undefined) throw new Failure(`usage: node scripts/run.mjs ${Object.keys(commands).join("|")} [ARGS]`);
  await installDependencies();
  process.exitCode = await command(await findNode(), args);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
