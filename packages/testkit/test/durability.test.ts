import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, test, type TestContext } from "node:test";
import { skipWithout } from "@cinnabar/testkit";
import { EARLY_ANSWERS, proveDurability } from "../src/crash/durability-rig.ts";
import { patchedSources } from "../src/crash/patched-sources.ts";
import { SeededRandom } from "../src/crash/seeded-random.ts";

describe("durability on SQLite", { skip: skipWithout("strace") }, () => {
  test("an answer leaves after its record was synced, and a power failure at any time loses none", async (t) => {
    const { figures, problems } = await proveDurability({ answers: 100, ...rig(t) });
    assert.deepEqual(problems, []);
    assert.ok((figures["answers given"] ?? 0) >= 100);
  });

  test("without the sync of each commit the same check finds answers that can be lost", async (t) => {
    await using copy = await patchedSources({
      file: "packages/kernel/src/store/sqlite/worker.ts",
      find: `database.exec("PRAGMA synchronous = FULL");`,
      replacement: `database.exec("PRAGMA synchronous = OFF");`,
    });
    const { figures, problems } = await proveDurability({ answers: 30, sources: copy.path, ...rig(t) });
    assert.ok((figures[EARLY_ANSWERS] ?? 0) > 0);
    assert.ok(problems.some((problem) => problem.includes("answers lost")));
  });
});

function rig(t: TestContext) {
  const seed = randomInt(2 ** 32);
  t.diagnostic(`seed ${seed}`);
  return { random: new SeededRandom(seed), progress: (message: string) => t.diagnostic(message) };
}
