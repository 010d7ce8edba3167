import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, test, type TestContext } from "node:test";
import { sharedPostgres, skipWithout } from "@cinnabar/testkit";
import { patchedSources } from "../src/crash/patched-sources.ts";
import { CALLS_AFTER_REVOCATION, revocationOnPostgresql, revocationOnSqlite } from "../src/crash/revocation-rig.ts";
import { SeededRandom } from "../src/crash/seeded-random.ts";
import { WITHOUT_EPOCH_CHECK } from "../src/crash/without-epoch-check.ts";

// `npm run test:crash` flips a thousand times on each.

test("a disabled key is refused from the moment that DisableKey returns, to concurrent clients on SQLite", async (t) => {
  const { figures, problems } = await revocationOnSqlite({ flips: 500, random: random(t) });
  assert.deepEqual(problems, []);
  assert.ok((figures["flips"] ?? 0) >= 500);
});

describe("revocation on PostgreSQL", { skip: skipWithout("postgresql") }, () => {
  test("a disabled key is refused from the moment that DisableKey returns, on two nodes", async (t) => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    const { figures, problems } = await revocationOnPostgresql({ database, flips: 200, random: random(t) });
    await server.dropDatabase(database);
    assert.deepEqual(problems, []);
    assert.ok((figures["flips"] ?? 0) >= 200);
  });

  test("without the epoch's check the same rig finds calls that succeed after DisableKey", async (t) => {
    await using copy = await patchedSources(WITHOUT_EPOCH_CHECK);
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    const options = { database, flips: 40, random: random(t), sources: copy.path };
    const { figures } = await revocationOnPostgresql(options);
    await server.dropDatabase(database);
    assert.ok((figures[CALLS_AFTER_REVOCATION] ?? 0) > 0);
  });
});

function random(t: TestContext): SeededRandom {
  const seed = randomInt(2 ** 32);
  t.diagnostic(`seed ${seed}`);
  return new SeededRandom(seed);
}
