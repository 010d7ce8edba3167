import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { arn, type Caller } from "../caller.ts";
import type { Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
}

/** A policy whose statements are about all of an account. */
function policyOf(accountId: string, ...statements: readonly Statement[]): string {
  const Principal = { RAM: [`acs:ram::${accountId}:*`] };
  return JSON.stringify({
    Version: "1",
    Statement: statements.map((statement) => ({ ...statement, Principal, Resource: ["*"] })),
  });
}

async function getPolicy(root: Caller, keyId: string): Promise<string> {
  return String((await root.call("GetKeyPolicy", { KeyId: keyId, PolicyName: "default" }))["Policy"]);
}

export const keyPolicyScenarios: readonly Scenario[] = [
  {
    title: "gives a key a policy and reads it, and what it denies the account is denied",
    async run(root) {
      const { accountId } = root.deployment;
      const all = { Effect: "Allow", Action: ["kms:*"] } as const;
      const keyId = await root.createKey();
      assert.deepEqual(
        JSON.parse(await getPolicy(root, keyId)),
        JSON.parse(policyOf(accountId, { Sid: "kms default key policy", ...all })),
      );
      const Policy = policyOf(accountId, all, { Effect: "Deny", Action: ["kms:Encrypt"] });
      assert.deepEqual(await root.call("SetKeyPolicy", { KeyId: arn(root.deployment, `key/${keyId}`), Policy }), {});
      assert.equal(await getPolicy(root, keyId), Policy);
      const { error, body } = await root.attempt("Encrypt", { KeyId: keyId, Plaintext: "text" });
      assert.deepEqual([error?.code, error?.status], ["Forbidden.NoPermission", 403]);
      const { AuthAction, NoPermissionType, PolicyType } = body["AccessDeniedDetail"] as Body;
      assert.deepEqual(
        [AuthAction, NoPermissionType, PolicyType],
        ["kms:Encrypt", "ExplicitDeny", "ResourceBasedPolicy"],
      );
      await root.call("SetKeyPolicy", { KeyId: keyId, Policy: policyOf(accountId, all), PolicyName: "default" });
      await root.call("Encrypt", { KeyId: keyId, Plaintext: "text" });
      const made = await root.createKey({ Policy });
      assert.equal(await getPolicy(root, made), Policy);
    },
  },
  {
    title: "refuses what is no policy of a key",
    async run(root) {
      const keyId = await root.createKey();
      const Policy = policyOf(root.deployment.accountId, { Effect: "Allow", Action: ["kms:*"] });
      await root.refused("InvalidParameter", "SetKeyPolicy", { KeyId: keyId, Policy: "{}" });
      await root.refused("InvalidParameter", "CreateKey", { Policy: Policy.replace("kms:*", "ecs:*") });
      await root.refused("InvalidParameter", "SetKeyPolicy", { KeyId: keyId, Policy: Policy.padEnd(32_769) });
      await root.refused("MissingParameter", "SetKeyPolicy", { KeyId: keyId });
      await root.refused("Forbidden.KeyNotFound", "GetKeyPolicy", { KeyId: randomUUID() });
      await root.refused("Unsupported.Alias", "SetKeyPolicy", { KeyId: await root.createAlias(keyId), Policy });
    },
  },
];
