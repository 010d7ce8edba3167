import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { World } from "./world.ts";

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("the service is open for every account, and cannot be opened again", async () => {
    for (const as of [world.accountId, await world.addAccount()]) {
      for (let times = 0; times < 2; times++) {
        const { result } = await world.call("DescribeAccountKmsStatus", {}, { as });
        assert.deepEqual(result, { AccountStatus: "Enabled" });
        assert.equal(
          await world.refusal("OpenKmsService", {}, { as }),
          "Forbidden.Opened: Your kms service has been opened.",
        );
      }
    }
  });

  test("a dry run is refused like any other's", async () => {
    for (const [name, answer] of [
      ["DescribeAccountKmsStatus", /^DryRunOperationError/],
      ["OpenKmsService", /^Forbidden\.Opened/],
    ] as const) {
      assert.match(await world.refusal(name, { DryRun: "true" }), answer);
      assert.match(await world.refusal(name, { DryRun: "perhaps" }), /^InvalidParameter: .*"DryRun"/);
    }
  });
});
