import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { arn } from "../caller.ts";
import type { Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

/** What is known of the use of a key, which only generic calls can ask. */
export const usageScenarios: readonly Scenario[] = [
  {
    title: "tells how a key was used, and that no service uses it",
    async run(root) {
      const keyId = await root.createKey();
      await root.call("Encrypt", { KeyId: keyId, Plaintext: "a text of a counted call" });
      const used = await root.call("GetKeyUsage", { KeyId: arn(root.deployment, `key/${keyId}`) });
      const { Operation } = used["Operations"] as { readonly Operation: readonly Body[] };
      assert.deepEqual(
        Operation.map(({ Name }) => Name),
        ["Encrypt"],
      );
      const { AsOf, ...associations } = await root.call("ListKeyAssociations", { KeyId: keyId, PageSize: 5 });
      assert.match(String(AsOf), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual(associations, {
        KeyId: keyId,
        Services: { Service: [] },
        Resources: { Resource: [] },
        HiddenCount: 0,
        IsTruncated: false,
        PageNumber: 1,
        PageSize: 5,
        TotalCount: 0,
      });
      for (const action of ["GetKeyUsage", "ListKeyAssociations"]) {
        await root.refused("Forbidden.KeyNotFound", action, { KeyId: randomUUID() });
        await root.refused("MissingParameter", action);
      }
      await root.refused("InvalidParameter", "ListKeyAssociations", { KeyId: keyId, PageSize: 101 });
    },
  },
];
