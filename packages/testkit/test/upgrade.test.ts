import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase, skipWithout } from "@cinnabar/testkit";
import { temporaryDirectory } from "../src/crash/temporary-directory.ts";
import { checkUpgrade } from "../src/upgrade/check-upgrade.ts";
import { listFixtures, unpackFixture } from "../src/upgrade/fixture.ts";
import { MissingPackageError, pastSources, previousCommit } from "../src/upgrade/past-sources.ts";
import { makeSampleDeployment } from "../src/upgrade/sample-deployment.ts";

const fixtures = await listFixtures();

test("data directories of earlier states are kept to be upgraded", () => {
  assert.ok(fixtures.includes("before-kernel-0003"));
});

for (const name of fixtures) {
  test(`a data directory from ${name} is upgraded with all that it holds`, async () => {
    await using fixture = await unpackFixture(name, "sqlite");
    await checkUpgrade(fixture.sample, fixture);
  });

  const skip = skipWithout("postgresql");
  test(`a PostgreSQL database from ${name} is upgraded with all that it holds`, { skip }, async () => {
    await using fixture = await unpackFixture(name, "postgresql");
    await checkUpgrade(fixture.sample, fixture);
  });
}

forEachDatabase((database) => {
  test("a server of the commit before that was killed is taken over with all that it held", async (context) => {
    const commit = await previousCommit();
    if (commit === undefined) {
      context.skip("NOT TESTED: there is no commit before this one here; the data directories that are kept are");
      return;
    }
    context.diagnostic(`the commit before: ${commit}`);
    await using directory = await temporaryDirectory();
    await using instance = await database.create();
    const place = { data: `${directory.path}/data`, database: instance.url };
    try {
      await using sources = await pastSources(commit);
      const sample = await makeSampleDeployment({ ...place, sources: sources.path, end: "SIGKILL" });
      await checkUpgrade(sample, place);
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
      context.skip(`NOT TESTED: ${commit} cannot be run here: ${error.message}`);
    }
  });
});
