import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test, type TestContext } from "node:test";
import { skipWithout, startPostgres } from "@cinnabar/testkit";
import { killOnPostgresql, killOnSqlite } from "../src/crash/kill-rig.ts";
import { SeededRandom } from "../src/crash/seeded-random.ts";

// `npm run test:crash` kills a hundred times.

test("kill -9 under load on SQLite loses no answered call, key or state, and the log verifies", async (t) => {
  const { figures, problems } = await killOnSqlite({ kills: 5, ...rig(t) });
  assert.deepEqual(problems, []);
  assert.equal(figures["crash markers"], 5);
});

test(
  "kill -9 of the server and SIGQUIT of PostgreSQL under load lose no answered call, key or state",
  { skip: skipWithout("postgresql") },
  async (t) => {
    await using postgres = await startPostgres();
    const { figures, problems } = await killOnPostgresql({ kills: 2, databaseKills: 1, postgres, ...rig(t) });
    assert.deepEqual(problems, []);
    assert.equal(figures["crash markers"], 2);
  },
);

function rig(t: TestContext) {
  const seed = randomInt(2 ** 32);
  t.diagnostic(`seed ${seed}`);
  return { random: new SeededRandom(seed), progress: (message: string) => t.diagnostic(message) };
}
