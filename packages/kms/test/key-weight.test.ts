import assert from "node:assert/strict";
import { test } from "node:test";
import { rootPrincipal } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { keyKind } from "../src/key/key-repository.ts";
import { World } from "./world.ts";

forEachDatabase((database) => {
  test("a key with a large policy weighs more than fifty ordinary ones, of which 5,000 may be kept", async () => {
    await using world = await World.open(database);
    const { accountId } = world;
    const context = world.contextOf(rootPrincipal({ accountId, accessKeyId: "" }));
    const weightWith = async (actions: number) => {
      const Principal = { RAM: [`acs:ram::${accountId}:root`] };
      const Action = ["kms:*", ...Array.from({ length: actions }, (_, i) => `kms:A${i}`)];
      const Statement = [{ Effect: "Allow", Principal, Action, Resource: "*" }];
      const KeyId = await world.createKey({ Policy: JSON.stringify({ Version: "1", Statement }) });
      const key = await context.find(keyKind, KeyId);
      assert(key);
      return keyKind.weigh?.(key) ?? 0;
    };
    const ordinary = await weightWith(1);
    // As many as the capacity allows.
    assert(ordinary > 0 && ordinary * 5_000 < 64 * 1_024 * 1_024, String(ordinary));
    assert((await weightWith(2_500)) > 50 * ordinary);
  });
});
