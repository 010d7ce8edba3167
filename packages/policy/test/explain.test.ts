import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, PolicySet } from "../src/index.ts";
import { compiled, KEY, OTHER, OWNER, requestOf, roleOf, setOf, userOf } from "./support.ts";

const DEFAULT_POLICY = setOf(
  [{ Effect: "Allow", Action: "kms:*", Resource: "*", Principal: { RAM: `acs:ram::${OWNER}:*` } }],
  "resource",
);

test("names statements that nearly allow it, and in what they fail", () => {
  const { decision, gates } = explain({
    request: requestOf({ context: { "acs:sourceip": "192.168.0.1" } }),
    resourceAccountId: OWNER,
    identity: setOf([
      { Effect: "Allow", Action: "kms:*", Resource: "acs:kms:*:*:key/other" },
      {
        Effect: "Allow",
        Action: "kms:*",
        Resource: "*",
        Condition: { IpAddress: { "acs:SourceIp": ["10.0.0.0/8", "::1"] } },
      },
      {
        Effect: "Allow",
        Action: "kms:*",
        Resource: "acs:kms:*:*:alias/*",
        Condition: { Bool: { "acs:MFAPresent": true } },
      },
      { Effect: "Allow", Action: "ram:*", Resource: "*" },
    ]),
    resourcePolicy: DEFAULT_POLICY,
  });
  assert.equal(decision.allowed, false);
  assert.deepEqual(
    gates.map(({ gate, required, verdict: { effect }, nearlyMatched }) => ({
      gate,
      required,
      effect,
      near: nearlyMatched.map(({ statement: { index }, element, reason }) => ({ index, element, reason })),
    })),
    [
      {
        gate: "identity",
        required: "either",
        effect: "None",
        near: [
          { index: 0, element: "Resource", reason: `It is about acs:kms:*:*:key/other, not about ${KEY}.` },
          {
            index: 1,
            element: "Condition",
            reason: "acs:SourceIp must fulfil IpAddress 10.0.0.0/8, ::1, but has 192.168.0.1.",
          },
        ],
      },
      {
        gate: "resource",
        required: "either",
        effect: "None",
        near: [
          {
            index: 0,
            element: "Principal",
            reason: `It is about acs:ram::${OWNER}:root, which within the account admits the root alone, not acs:ram::${OWNER}:user/alice.`,
          },
        ],
      },
    ],
  );
});

test("says what is missing where a user of the account has no right", () => {
  const { smallestChange } = explain({
    request: requestOf(),
    resourceAccountId: OWNER,
    identity: new PolicySet([]),
    resourcePolicy: DEFAULT_POLICY,
  });
  assert.deepEqual(smallestChange, {
    sentence: `Allow kms:Encrypt on ${KEY} in the policies of the caller.`,
    remove: [],
    add: [{ gate: "identity", statement: { Effect: "Allow", Action: ["kms:Encrypt"], Resource: [KEY] } }],
  });
});

test("says what is missing on both sides where the caller is of another account", () => {
  const { smallestChange } = explain({
    request: requestOf({ principal: userOf(OTHER, "carol") }),
    resourceAccountId: OWNER,
    identity: new PolicySet([]),
    resourcePolicy: DEFAULT_POLICY,
  });
  assert.deepEqual(smallestChange?.add, [
    { gate: "identity", statement: { Effect: "Allow", Action: ["kms:Encrypt"], Resource: [KEY] } },
    {
      gate: "resource",
      statement: {
        Effect: "Allow",
        Action: ["kms:Encrypt"],
        Principal: { RAM: [`acs:ram::${OTHER}:user/carol`] },
        Resource: ["*"],
      },
    },
  ]);
});

test("names every Deny that stands in the way, with its policy, version and Sid", () => {
  const custom = compiled([{ Sid: "quiet hours", Effect: "Deny", Action: "kms:*", Resource: "*" }]);
  const { smallestChange, gates } = explain({
    request: requestOf({ principal: roleOf(OWNER) }),
    resourceAccountId: OWNER,
    session: setOf([{ Effect: "Allow", Action: "kms:*", Resource: "*" }], "session"),
    identity: new PolicySet([
      custom,
      compiled([{ Effect: "Allow", Action: "kms:*", Resource: "*" }]),
      compiled([{ Effect: "Deny", Action: "*", Resource: "*", Condition: { Bool: { "acs:SecureTransport": false } } }]),
    ]),
    resourcePolicy: DEFAULT_POLICY,
  });
  assert.equal(
    smallestChange?.sentence,
    'Remove or narrow statement 1 ("quiet hours") of the custom policy "identity", which denies it.',
  );
  assert.deepEqual(smallestChange.add, []);
  assert.deepEqual(
    gates.map(({ matched }) => matched.map(({ effect }) => effect)),
    [["Allow"], ["Deny", "Allow"], []],
  );
});

test("knows no change where no policy could allow it", () => {
  const service = { kind: "service", accountId: "", name: "oss.aliyuncs.com", arn: "oss" } as const;
  const nothing = { resourceAccountId: OWNER, identity: new PolicySet([]) };
  const byService = explain({ ...nothing, request: requestOf({ principal: service }), resourcePolicy: DEFAULT_POLICY });
  assert.equal(byService.smallestChange, undefined);
  const foreign = explain({ ...nothing, request: requestOf({ principal: userOf(OTHER) }) });
  assert.equal(foreign.decision.allowed, false);
  assert.equal(foreign.smallestChange, undefined);
});
