import assert from "node:assert/strict";
import type { Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

export const defaultKeyScenarios: readonly Scenario[] = [
  {
    title: "makes the one default key of an account, and no second one",
    async run(root) {
      const generic = root.through("openapi-core");
      await generic.refused("InvalidParameter", "EnableDefaultKey", {
        Origin: "EXTERNAL",
        EnableAutomaticRotation: true,
      });
      const made = await generic.call("EnableDefaultKey", { Description: "by default", EnableAutomaticRotation: true });
      const { KeyId, KeySpec, AutomaticRotation, RotationInterval } = made["KeyMetadata"] as Body;
      assert.deepEqual([KeySpec, AutomaticRotation, RotationInterval], ["Aliyun_AES_256", "Enabled", "31536000s"]);
      await generic.refused("UnsupportedOperation", "EnableDefaultKey");

      const typed = root.through("kms20160120");
      const { CiphertextBlob } = await typed.call("Encrypt", {
        KeyId: String(KeyId),
        Plaintext: "under the default key",
      });
      const { Plaintext } = await typed.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
      assert.equal(Plaintext, "under the default key");
      const tag = { KeyId: String(KeyId), Tags: '[{"TagKey":"team","TagValue":"red"}]' };
      await typed.refused("UnsupportedOperation", "TagResource", tag);
    },
  },
];
