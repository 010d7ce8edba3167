import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePolicy, deniesAlways, namedIn, parsePolicy, PolicySet, reachOf } from "@cinnabar/policy";

const KEYS = "acs:kms:cn-hangzhou:1234567890123456:key/";
const USERS = "acs:ram::1234567890123456:user/";

type Given = readonly [effect: string, resource: string, conditional?: true];

function policies(...statements: readonly Given[]): PolicySet {
  const Statement = statements.map(([Effect, Resource, conditional]) => ({
    Effect,
    Action: "*",
    Resource,
    ...(conditional && { Condition: { Bool: { "acs:SecureTransport": "true" } } }),
  }));
  const policy = parsePolicy(JSON.stringify({ Version: "1", Statement }), "identity");
  return new PolicySet([compilePolicy(policy, { type: "Custom", name: "p" })]);
}

test("a pattern reaches several resources of a type, one by name, or none", () => {
  const cases = [
    ["*", true, []],
    ["acs:kms:*:*:*", true, []],
    ["acs:kms:*:*:key/*", true, []],
    ["acs:kms:*:*:key/1?", true, []],
    ["acs:kms:cn-*:1234567890123456:k*", true, []],
    ["acs:kms:*:*:key/1", false, [`${KEYS}1`]],
    ["acs:kms:cn-hangzhou:1234567890123456:key/1", false, [`${KEYS}1`]],
    ["acs:kms:cn-beijing:*:key/*", false, []],
    ["acs:kms:*:6543210987654321:key/1", false, []],
    ["acs:kms:*:*:alias/*", false, []],
    ["acs:oss:*:*:*", false, []],
  ] as const;
  for (const [resource, several, named] of cases) {
    assert.deepEqual(reachOf(policies(["Allow", resource]), "kms:Encrypt", KEYS), { several, named }, resource);
  }
  const user = policies(["Allow", "acs:ram:*:*:user/alice"]);
  assert.deepEqual(reachOf(user, "ram:GetUser", USERS), { several: false, named: [`${USERS}alice`] });
});

test("only a Deny without conditions for all of them takes all, and one for one takes that", () => {
  const all = ["Allow", "*"] as const;
  const one = ["Allow", "acs:kms:*:*:key/1"] as const;
  const reach = (...statements: readonly Given[]) => reachOf(policies(...statements), "kms:Encrypt", KEYS);
  assert.deepEqual(reach(all, ["Deny", "acs:kms:*:*:key/*"]), { several: false, named: [] });
  assert.deepEqual(reach(all, ["Deny", "acs:kms:*:*:*"]), { several: false, named: [] });
  for (const some of [
    "acs:kms:*:*:key/1*",
    "acs:kms:*:*:key/?*",
    "acs:kms:*:*:*/*1",
    "acs:kms:*:*:key/1",
    "acs:ram:*:*:*",
  ]) {
    assert.equal(reach(all, ["Deny", some]).several, true, some);
  }
  assert.equal(reach(all, ["Deny", "*", true]).several, true);
  assert.deepEqual(reach(one, ["Deny", "acs:kms:*:*:key/1"]), { several: false, named: [] });
  assert.deepEqual(reach(one, ["Deny", "acs:kms:*:*:key/2"]), { several: false, named: [`${KEYS}1`] });
  assert.deepEqual(namedIn(policies(all, ["Deny", "acs:kms:*:*:key/2"]), ["kms:Encrypt"], KEYS), [`${KEYS}2`]);
  const denied = policies(["Deny", "acs:kms:*:*:key/1"]);
  const asked = { action: "kms:Encrypt", of: "the one" } as const;
  assert.equal(deniesAlways(denied, { ...asked, resource: `${KEYS}1` }), true);
  assert.equal(deniesAlways(denied, { ...asked, resource: `${KEYS}2` }), false);
  assert.equal(deniesAlways(denied, { ...asked, resource: KEYS, of: "all of them" }), false);
});
