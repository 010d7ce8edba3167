import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AccessDeniedError, newAccountId, rootPrincipal } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { PolicyWorld } from "./support/policy-world.ts";

const HOUR_MILLIS = 60 * 60 * 1000;

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("tells why a call was refused, to its account and for a day", async () => {
    const alice = await world.addUser("alice");
    const message = async () => {
      const { error } = await world.call("GetRole", { RoleName: "isv" }, { as: alice });
      assert.ok(error instanceof AccessDeniedError);
      return String(error.detail.EncodedDiagnosticMessage);
    };
    const decode = (text: string) =>
      world.ok<{ DecodedDiagnosticMessage: Readonly<Record<string, unknown>> }>("DecodeDiagnosticMessage", {
        EncodedDiagnosticMessage: text,
      });
    const implicit = await message();
    assert.deepEqual((await decode(implicit)).DecodedDiagnosticMessage, {
      AuthAction: "ram:GetRole",
      AuthResource: `acs:ram::${world.accountId}:role/isv`,
      AuthConditions: [
        { ConditionKey: "acs:SourceIp", ConditionValues: ["127.0.0.1"] },
        { ConditionKey: "acs:SecureTransport", ConditionValues: ["true"] },
        { ConditionKey: "acs:MFAPresent", ConditionValues: ["false"] },
        { ConditionKey: "acs:CurrentTime", ConditionValues: ["2026-01-02T03:04:05.678Z"] },
      ],
      AuthPrincipal: {
        AuthPrincipalType: "SubUser",
        AuthPrincipalDisplayName: alice.userId,
        AuthPrincipalOwnerId: world.accountId,
      },
      ExplicitDeny: false,
      NoPermissionPolicyType: "AccountLevelIdentityBasedPolicy",
      MatchedPolicies: [],
    });

    const PolicyDocument = JSON.stringify({
      Version: "1",
      Statement: [{ Effect: "Deny", Action: "ram:*", Resource: "*" }],
    });
    await world.ok("CreatePolicy", { PolicyName: "nothing", PolicyDocument });
    await world.ok("AttachPolicyToUser", { UserName: "alice", PolicyType: "Custom", PolicyName: "nothing" });
    const { ExplicitDeny, MatchedPolicies } = (await decode(await message())).DecodedDiagnosticMessage;
    assert.deepEqual(
      [ExplicitDeny, MatchedPolicies],
      [
        true,
        [
          {
            PolicyType: "Custom",
            PolicyIdentifier: "nothing",
            PolicyVersion: "v1",
            Effect: "Deny",
            AttachedScope: "Account",
          },
        ],
      ],
    );

    const code = (text: string, options?: Parameters<PolicyWorld["code"]>[2]) =>
      world.code("DecodeDiagnosticMessage", { EncodedDiagnosticMessage: text }, options);
    const stranger = rootPrincipal({ accountId: newAccountId(), accessKeyId: "LTAI5tTest" });
    assert.equal(await code(implicit, { as: stranger }), "EntityNotExist");
    assert.equal(await code(implicit, { as: alice }), "NoPermission");
    for (let i = 0; i < implicit.length; i += 7) {
      const changed = implicit.slice(0, i) + (implicit[i] === "A" ? "B" : "A") + implicit.slice(i + 1);
      assert.equal(await code(changed), "EntityNotExist", `character ${i}`);
    }
    assert.equal(await code(`${implicit}=`), "EntityNotExist");
    assert.equal(await code(implicit.slice(0, 40)), "EntityNotExist");
    world.now += 24 * HOUR_MILLIS - 1;
    assert.equal(await code(implicit), undefined);
    world.now += 1;
    assert.equal(await code(implicit), "EncodedMessageExpire");
  });
});
