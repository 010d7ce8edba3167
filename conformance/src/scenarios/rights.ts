import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { arn, type Caller } from "../caller.ts";
import type { Body, CallParameters } from "../official-client.ts";
import { newUser, ramOf } from "./policies.ts";
import type { Scenario } from "./scenario.ts";

/** No client has a method for what the published API does not have. */
const RAM = { version: "2015-05-01" };
const USERS = { PolicyType: "System", PolicyName: "AliyunKMSCryptoUserAccess" };

function ask(root: Caller, action: string, parameters: CallParameters = {}): Promise<Body> {
  return root.call(action, parameters, RAM);
}

/** The ARNs of those who may do one thing to a key. */
async function whoMay(root: Caller, action: string, keyId: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  let marker: CallParameters = {};
  for (;;) {
    const question = { AuthAction: [action], AuthResource: keyId, MaxItems: 1000, ...marker };
    const page = await ask(root, "ListPrincipalsForAction", question);
    const { Principal } = page["Principals"] as { readonly Principal: readonly Body[] };
    found.push(...Principal.map(({ Arn }) => Arn));
    if (page["IsTruncated"] !== true) return found;
    marker = { Marker: String(page["Marker"]) };
  }
}

/** The ARNs of those who may both use a key and manage it. */
async function whoHasBoth(root: Caller, keyId: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  let marker: CallParameters = {};
  for (;;) {
    const page = await ask(root, "ListPrincipalsWithBothRights", { AuthResource: keyId, MaxItems: 1000, ...marker });
    const { Principal } = page["Principals"] as { readonly Principal: readonly Body[] };
    found.push(...Principal.map(({ Arn }) => Arn));
    if (page["IsTruncated"] !== true) return found;
    marker = { Marker: String(page["Marker"]) };
  }
}

/** What a policy of a key would come to, by the operation that was called. */
async function tryKeyPolicy(root: Caller, KeyId: string, PolicyDocument: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let token: CallParameters = {};
  for (;;) {
    const page = await ask(root, "TryPolicy", { KeyId, PolicyDocument, Days: 1, ...token });
    const { Outcome } = page["Outcomes"] as { readonly Outcome: readonly Record<string, string>[] };
    for (const tally of Outcome) found.set(tally["Operation"] ?? "", `${tally["Outcome"]} ${tally["Calls"]}`);
    const { NextToken } = page as { readonly NextToken?: string };
    if (NextToken === undefined) return found;
    token = { NextToken };
  }
}

/** Questions about rights, which only generic calls can ask. */
export const rightsScenarios: readonly Scenario[] = [
  {
    title: "explains why a user may not decrypt, what would allow it, and that it is allowed then",
    async run(root) {
      const { name, user } = await newUser(root);
      const keyId = await root.createKey();
      const AuthResource = arn(root.deployment, `key/${keyId}`);
      const question = { AuthPrincipal: `user/${name}`, AuthAction: "kms:GenerateDataKey", AuthResource };
      const denied = await ask(root, "GetAccessExplanation", question);
      assert.deepEqual([denied["Decision"], denied["RefusedBy"]], ["Denied", "identity"]);
      assert.equal(
        (denied["SmallestChange"] as Body)["Sentence"],
        `Allow kms:GenerateDataKey on ${AuthResource} in the policies of the caller.`,
      );
      await user.refused("Forbidden.NoPermission", "GenerateDataKey", { KeyId: keyId });

      await ramOf(root).call("AttachPolicyToUser", { UserName: name, ...USERS });
      const attached = await ramOf(root).call("ListPoliciesForUser", { UserName: name });
      const { Policy } = attached["Policies"] as { readonly Policy: readonly Body[] };
      assert.deepEqual(
        Policy.map(({ PolicyName }) => PolicyName),
        [USERS.PolicyName],
      );
      const AuthCondition = [{ Key: "acs:SourceIp", Value: "192.0.2.1" }];
      const allowed = await ask(root, "GetAccessExplanation", { ...question, AuthCondition });
      assert.equal(allowed["Decision"], "Allowed");
      assert.match(String((allowed["DecidedBy"] as Body)["Policy"]), /^System\/AliyunKMSCryptoUserAccess/);
      await user.call("GenerateDataKey", { KeyId: keyId });

      const nobody = { ...question, AuthPrincipal: `user/${randomUUID()}` };
      await root.refused("EntityNotExist.User", "GetAccessExplanation", nobody, RAM);
      const nothing = { ...question, AuthResource: randomUUID() };
      await root.refused("Forbidden.KeyNotFound", "GetAccessExplanation", nothing, RAM);
      const condition = { ...question, AuthCondition: [{ Key: "acs:PrincipalArn", Value: "mine" }] };
      await root.refused("InvalidParameter", "GetAccessExplanation", condition, RAM);
      await root.refused("MissingParameter", "GetAccessExplanation", { AuthResource }, RAM);
    },
  },
  {
    title: "lists who may decrypt with a key, and a user only while a policy lets it",
    async run(root) {
      const { name } = await newUser(root);
      const keyId = await root.createKey();
      const { accountId } = root.deployment;
      const [rootArn, userArn] = [`acs:ram::${accountId}:root`, `acs:ram::${accountId}:user/${name}`];
      const before = await whoMay(root, "kms:Decrypt", keyId);
      assert.deepEqual([before.includes(rootArn), before.includes(userArn)], [true, false]);
      await ramOf(root).call("AttachPolicyToUser", { UserName: name, ...USERS });
      assert((await whoMay(root, "kms:Decrypt", keyId)).includes(userArn));
      assert(!(await whoMay(root, "kms:DisableKey", keyId)).includes(userArn));
      await ramOf(root).call("DetachPolicyFromUser", { UserName: name, ...USERS });
      assert(!(await whoMay(root, "kms:Decrypt", keyId)).includes(userArn));
      const missing = { AuthAction: ["kms:Decrypt"], AuthResource: randomUUID() };
      await root.refused("Forbidden.KeyNotFound", "ListPrincipalsForAction", missing, RAM);
      await root.refused("MissingParameter", "ListPrincipalsForAction", { AuthResource: keyId }, RAM);
    },
  },
  {
    title: "tries a key policy on the calls that were recorded, which it changes nothing of",
    async run(root) {
      const keyId = await root.createKey();
      const encrypt = { KeyId: keyId, Plaintext: "a text of a recorded call" };
      await root.call("Encrypt", encrypt);
      await root.call("Encrypt", encrypt);
      await root.call("DescribeKey", { KeyId: keyId });
      const Principal = { RAM: [`acs:ram::${root.deployment.accountId}:*`] };
      const policy = JSON.stringify({
        Version: "1",
        Statement: [
          { Effect: "Allow", Principal, Action: ["kms:*"], Resource: ["*"] },
          { Effect: "Deny", Principal, Action: ["kms:Encrypt"], Resource: ["*"] },
        ],
      });
      const outcomes = await tryKeyPolicy(root, keyId, policy);
      assert.equal(outcomes.get("Kms.Encrypt"), "NewlyRefused 2");
      assert.equal(outcomes.get("Kms.DescribeKey"), "Unchanged 1");
      await root.call("Encrypt", encrypt);
      const malformed = { KeyId: keyId, PolicyDocument: "{}" };
      await root.refused("MalformedPolicyDocument", "TryPolicy", malformed, RAM);
      await root.refused("InvalidParameter", "TryPolicy", { KeyId: keyId, PolicyDocument: policy, Days: 91 }, RAM);
      await root.refused("Forbidden.KeyNotFound", "TryPolicy", { KeyId: randomUUID(), PolicyDocument: policy }, RAM);
    },
  },
  {
    title: "warns of a user who could both use keys and manage them, or refuses it, as the account says",
    async run(root) {
      const ram = ramOf(root);
      const { name } = await newUser(root);
      const both = { UserName: name, PolicyType: "System", PolicyName: "AliyunKMSFullAccess" };
      const set = (SeparationOfDuties: string) => ask(root, "SetSeparationOfDuties", { SeparationOfDuties });
      const get = async () => (await ask(root, "GetSeparationOfDuties"))["SeparationOfDuties"];
      assert.equal(await get(), "warn");
      const keyId = await root.createKey();
      const userArn = `acs:ram::${root.deployment.accountId}:user/${name}`;
      assert(!(await whoHasBoth(root, keyId)).includes(userArn));
      try {
        assert.deepEqual(await set("enforce"), {});
        assert.equal(await get(), "enforce");
        await ram.refused("Rejected.SeparationOfDuties", "AttachPolicyToUser", both);
        await set("off");
        assert.deepEqual(await ram.call("AttachPolicyToUser", both), {});
        await ram.call("DetachPolicyFromUser", both);
      } finally {
        await set("warn");
      }
      const { Warnings } = await ram.call("AttachPolicyToUser", both);
      assert((Warnings as { readonly Warning: readonly Body[] }).Warning.length > 0);
      assert((await whoHasBoth(root, keyId)).includes(userArn));
      const missing = { AuthResource: randomUUID() };
      await root.refused("Forbidden.KeyNotFound", "ListPrincipalsWithBothRights", missing, RAM);
      await root.refused("InvalidParameter", "SetSeparationOfDuties", { SeparationOfDuties: "on" }, RAM);
    },
  },
];
