import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Decision,
  decide,
  type DecisionInput,
  type PolicyKind,
  type PolicyPrincipal,
  PolicySet,
} from "../src/index.ts";
import type { DocumentStatement } from "./reference.ts";
import { compiled, KEY, OTHER, OWNER, requestOf, roleOf, rootOf, setOf, userOf } from "./support.ts";

const ALLOW: DocumentStatement = { Effect: "Allow", Action: "kms:Encrypt", Resource: "*" };
const DENY: DocumentStatement = { ...ALLOW, Effect: "Deny" };

/** Statements of a key's policy about these principals. */
function about(principals: string | readonly string[], statement: DocumentStatement = ALLOW): DocumentStatement {
  return { ...statement, Principal: { RAM: principals } };
}

const WHOLE_OWNER = `acs:ram::${OWNER}:*`;
const WHOLE_OTHER = `acs:ram::${OTHER}:root`;

interface Case {
  readonly principal?: PolicyPrincipal;
  readonly session?: readonly DocumentStatement[];
  readonly identity?: readonly DocumentStatement[];
  readonly key?: readonly DocumentStatement[];
  readonly kind?: PolicyKind;
  readonly withinAccount?: "both";
  readonly action?: string;
}

function decided({
  principal = userOf(OWNER),
  session,
  identity = [],
  key,
  kind = "resource",
  withinAccount,
  action,
}: Case): Decision {
  const input: DecisionInput = {
    request: requestOf({ principal, ...(action !== undefined && { action }) }),
    resourceAccountId: OWNER,
    withinAccount,
    session: session && setOf(session, "session"),
    identity: identity.length === 0 ? new PolicySet([]) : setOf(identity),
    resourcePolicy: key && setOf(key, kind),
  };
  return decide(input);
}

function summary(decision: Decision): string {
  if (!decision.allowed) return `${decision.gate} ${decision.explicit ? "denies" : "does not allow"}`;
  return decision.by === "root" ? "root" : decision.by.source.name;
}

const alice = `acs:ram::${OWNER}:user/alice`;
const DEFAULT = [about(WHOLE_OWNER, { ...ALLOW, Action: "kms:*" })];

const APPLICATION: PolicyPrincipal = { kind: "application", accountId: OWNER, name: "app", arn: "app" };

const CASES: readonly [title: string, input: Case, expected: string][] = [
  ["the root of the key's account is allowed without any policy", { principal: rootOf(OWNER) }, "root"],
  ["the root is allowed by a policy that names it nowhere", { principal: rootOf(OWNER), key: [about(alice)] }, "root"],
  [
    "a Deny that names the whole account binds its root",
    { principal: rootOf(OWNER), key: [about(WHOLE_OWNER, DENY)] },
    "resource denies",
  ],
  ["policies of an identity do not bind the root", { principal: rootOf(OWNER), identity: [DENY] }, "root"],
  ["a user without policies is allowed nothing", {}, "identity does not allow"],
  ["an application is allowed by its own policies alone", { principal: APPLICATION, identity: [ALLOW] }, "identity"],
  [
    "an application is not allowed by the default policy",
    { principal: APPLICATION, key: DEFAULT },
    "identity does not allow",
  ],
  [
    "a Deny of the whole account binds its applications",
    { principal: APPLICATION, identity: [ALLOW], key: [about(WHOLE_OWNER, DENY)] },
    "resource denies",
  ],
  ["a user is not allowed by the default policy", { key: DEFAULT }, "identity does not allow"],
  [
    "a role is not allowed by the default policy",
    { principal: roleOf(OWNER), key: DEFAULT },
    "identity does not allow",
  ],
  ["a user is allowed by its own policies alone", { identity: [ALLOW], key: DEFAULT }, "identity"],
  ["a user is allowed by its own policies where the key has none", { identity: [ALLOW] }, "identity"],
  ["a user is allowed by the key's policy alone", { key: [about(alice)] }, "resource"],
  ["a user's own Deny stands above the key's Allow", { identity: [DENY], key: [about(alice)] }, "identity denies"],
  [
    "the key's Deny stands above a user's own Allow",
    { identity: [ALLOW], key: [about(alice, DENY)] },
    "resource denies",
  ],
  [
    "a Deny of the whole account binds its users",
    { identity: [ALLOW], key: [about(WHOLE_OWNER, DENY)] },
    "resource denies",
  ],
  [
    "a Deny of the whole account binds its roles",
    { principal: roleOf(OWNER), identity: [ALLOW], key: [about(WHOLE_OWNER, DENY)] },
    "resource denies",
  ],
  [
    "a role of the same name as a user is another principal",
    { principal: roleOf(OWNER, "alice"), key: [about(alice)] },
    "identity does not allow",
  ],
  [
    "a user of the same name in another account is another principal",
    { principal: userOf(OTHER), identity: [ALLOW], key: [about(alice)] },
    "resource does not allow",
  ],
  [
    "a user of another account needs both: its own alone is not enough",
    { principal: userOf(OTHER), identity: [ALLOW], key: DEFAULT },
    "resource does not allow",
  ],
  [
    "a user of another account needs both: the key's alone is not enough",
    { principal: userOf(OTHER), key: [about(`acs:ram::${OTHER}:user/alice`)] },
    "identity does not allow",
  ],
  [
    "a user of another account is allowed by both",
    { principal: userOf(OTHER), identity: [ALLOW], key: [about(`acs:ram::${OTHER}:user/alice`)] },
    "resource",
  ],
  [
    "another account as a whole admits users whom their own policies allow",
    { principal: userOf(OTHER), identity: [ALLOW], key: [about(WHOLE_OTHER)] },
    "resource",
  ],
  [
    "another account as a whole admits no user whom they do not",
    { principal: userOf(OTHER), key: [about(WHOLE_OTHER)] },
    "identity does not allow",
  ],
  [
    "the root of another account is allowed by the key's policy",
    { principal: rootOf(OTHER), key: [about(WHOLE_OTHER)] },
    "resource",
  ],
  [
    "the root of another account is not allowed without",
    { principal: rootOf(OTHER), key: DEFAULT },
    "resource does not allow",
  ],
  [
    "a session's policy narrows what the role may do",
    { principal: roleOf(OWNER), session: [{ ...ALLOW, Action: "kms:Decrypt" }], identity: [ALLOW] },
    "session does not allow",
  ],
  [
    "a session's policy narrows what the key allows too",
    { principal: roleOf(OWNER), session: [DENY], key: [about(`acs:ram::${OWNER}:role/app`)] },
    "session denies",
  ],
  [
    "a session's policy gives nothing by itself",
    { principal: roleOf(OWNER), session: [ALLOW] },
    "identity does not allow",
  ],
  [
    "what session and role allow is allowed",
    { principal: roleOf(OWNER), session: [ALLOW], identity: [ALLOW] },
    "identity",
  ],
  ["actions are found whatever their letters' case", { identity: [{ ...ALLOW, Action: "KMS:encRYPT" }] }, "identity"],
  [
    "NotAction is about all other actions",
    { identity: [{ Effect: "Allow", NotAction: ["kms:Decrypt", "ram:*"], Resource: "*" }] },
    "identity",
  ],
  [
    "NotAction is not about those it names",
    { identity: [{ Effect: "Allow", NotAction: ["KMS:en*"], Resource: "*" }] },
    "identity does not allow",
  ],
];

describe("decide", () => {
  for (const [title, input, expected] of CASES) {
    test(title, () => assert.equal(summary(decided(input)), expected));
  }

  const trust = (Principal: DocumentStatement["Principal"]): DocumentStatement => ({
    Effect: "Allow",
    Action: "sts:AssumeRole",
    ...(Principal !== undefined && { Principal }),
  });
  const assume: DocumentStatement = { Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" };
  const assuming = (input: Case): string =>
    summary(decided({ kind: "trust", withinAccount: "both", action: "sts:AssumeRole", ...input }));

  test("lets a role be assumed by whom both its trust policy and their own policies allow", () => {
    const key = [trust({ RAM: WHOLE_OWNER })];
    assert.equal(assuming({ key, identity: [assume] }), "trust");
    assert.equal(assuming({ key }), "identity does not allow");
    assert.equal(
      assuming({ identity: [assume], key: [trust({ RAM: `acs:ram::${OWNER}:user/bob` })] }),
      "resource does not allow",
    );
    assert.equal(
      assuming({ principal: rootOf(OWNER), key: [trust({ RAM: `acs:ram::${OWNER}:user/bob` })] }),
      "resource does not allow",
    );
    assert.equal(assuming({ principal: rootOf(OWNER), key }), "trust");
  });

  test("lets a role be assumed by a service or a federated principal that its trust policy names", () => {
    const provider = `acs:ram::${OWNER}:oidc-provider/ci`;
    const service: PolicyPrincipal = { kind: "service", accountId: "", name: "oss.aliyuncs.com", arn: "oss" };
    const federated: PolicyPrincipal = { kind: "federated", accountId: OWNER, name: provider, arn: provider };
    const key = [trust({ Service: "oss.aliyuncs.com", Federated: provider })];
    assert.equal(assuming({ principal: service, key }), "trust");
    assert.equal(assuming({ principal: federated, key }), "trust");
    assert.equal(assuming({ principal: { ...service, name: "ecs.aliyuncs.com" }, key }), "resource does not allow");
    assert.equal(assuming({ principal: { ...federated, name: service.name }, key }), "resource does not allow");
  });

  test("opens no key to a service, not even by the whole account that it says it belongs to", () => {
    const principal: PolicyPrincipal = { kind: "service", accountId: OWNER, name: "oss.aliyuncs.com", arn: "oss" };
    assert.equal(summary(decided({ principal, key: DEFAULT })), "resource does not allow");
  });

  test("names the statement that decided, and its policy", () => {
    const policies = [
      compiled([ALLOW]),
      compiled([
        { ...ALLOW, Action: "ram:*" },
        { ...DENY, Sid: "no" },
      ]),
    ];
    const decision = decide({ request: requestOf(), resourceAccountId: OWNER, identity: new PolicySet(policies) });
    assert.deepEqual(decision, {
      allowed: false,
      gate: "identity",
      explicit: true,
      statement: { source: { type: "Custom", name: "identity" }, index: 1, sid: "no" },
    });
  });

  test("is bounded by every condition on the time that it looked at", () => {
    const now = Date.parse("2026-11-22T08:00:00Z");
    const before = (Effect: "Allow" | "Deny", time: string): DocumentStatement => ({
      ...ALLOW,
      Effect,
      Condition: { DateLessThan: { "acs:CurrentTime": time } },
    });
    const { window } = decide({
      request: requestOf({ principal: roleOf(OWNER), context: { "acs:currenttime": new Date(now).toISOString() } }),
      resourceAccountId: OWNER,
      session: setOf([before("Allow", "2026-11-22T09:00:00Z")], "session"),
      identity: setOf([before("Allow", "2026-11-22T08:30:00Z"), before("Deny", "2026-11-22T07:00:00Z")]),
      resourcePolicy: setOf([about(WHOLE_OWNER, before("Deny", "2026-11-22T07:30:00Z"))], "resource"),
    });
    assert.deepEqual(window, { from: now - 1_800_000 + 1, until: now + 1_800_000 });
  });
});

describe("a statement's resource", () => {
  const rows: readonly [pattern: string, resource: string, expected: boolean][] = [
    ["*", KEY, true],
    ["*", "*", true],
    ["acs:kms:*:*:*", "*", false],
    [KEY, KEY, true],
    [`acs:kms:*:*:key/*`, KEY, true],
    ["acs:kms:*:*:Key/*", KEY, false],
    ["acs:kms:cn-beijing:*:*", KEY, false],
    [`acs:kms:*:${OTHER}:*`, KEY, false],
    // A secret's name may hold colons; what stands in it is never taken for an account.
    [`acs:kms:*:${OTHER}:key/*`, `acs:kms:cn-hangzhou:${OWNER}:secret/x:${OTHER}:key/k1`, false],
    ["acs:kms:*:*:secret/a:*", `acs:kms:cn-hangzhou:${OWNER}:secret/a:b/c`, true],
    ["acs:ram:*:*:user/*", `acs:ram::${OWNER}:user/alice`, true],
    ["acs:ram::*:user/*", `acs:ram:cn-hangzhou:${OWNER}:user/alice`, false],
  ];
  for (const [pattern, resource, expected] of rows) {
    test(`${pattern} is ${expected ? "" : "not "}about ${resource}`, () => {
      const set = setOf([{ Effect: "Allow", Action: "*", Resource: pattern }]);
      assert.equal(set.evaluate(requestOf({ resource })).effect, expected ? "Allow" : "None");
    });
  }
});
