import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, test, type TestContext } from "node:test";
import { sharedPostgres, skipWithout } from "@cinnabar/testkit";
import { patchedSources } from "../src/crash/patched-sources.ts";
import { KINDS_UNBROKEN, rightsOnPostgresql, rightsOnSqlite } from "../src/crash/rights-rig.ts";
import { SeededRandom } from "../src/crash/seeded-random.ts";
import { WITHOUT_EPOCH_CHECK } from "../src/crash/without-epoch-check.ts";

/** Ways to have a right and to lose it. `npm run test:crash` withdraws and gives each 200 times. */
const KINDS = 18;

test("a right withdrawn is refused from the moment that the call returns, to concurrent clients on SQLite", async (t) => {
  const { figures, problems } = await rightsOnSqlite({ flips: 10, ...rig(t) });
  assert.deepEqual(problems, []);
  assert.ok((figures["flips"] ?? 0) >= 10 * KINDS);
});

describe("rights on PostgreSQL", { skip: skipWithout("postgresql") }, () => {
  test("a right withdrawn is refused from the moment that the call returns, on two nodes", async (t) => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    const { figures, problems } = await rightsOnPostgresql({ database, flips: 6, ...rig(t) });
    await server.dropDatabase(database);
    assert.deepEqual(problems, []);
    assert.ok((figures["flips"] ?? 0) >= 6 * KINDS);
  });

  test("without the epoch's check the same rig finds calls of each kind that succeed without the right", async (t) => {
    await using copy = await patchedSources(WITHOUT_EPOCH_CHECK);
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    const { figures, problems } = await rightsOnPostgresql({
      database,
      flips: 2,
      ...rig(t),
      sources: copy.path,
    });
    await server.dropDatabase(database);
    assert.deepEqual([figures["kinds of rights"], figures[KINDS_UNBROKEN]], [KINDS, 0], problems.join("\n"));
  });
});

function rig(t: TestContext) {
  const seed = randomInt(2 ** 32);
  t.diagnostic(`seed ${seed}`);
  return { random: new SeededRandom(seed), progress: (message: string) => t.diagnostic(message) };
}
