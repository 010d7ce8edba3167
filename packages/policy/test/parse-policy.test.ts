import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { MAX_POLICY_BYTES, parsePolicy, PolicyError, type PolicyKind } from "../src/index.ts";
import { OWNER, parsed, refuses } from "./support.ts";

const STATEMENT = { Effect: "Allow", Action: "kms:Encrypt", Resource: "*" };
const PRINCIPAL = { RAM: `acs:ram::${OWNER}:user/alice` };
const KEY_STATEMENT = { ...STATEMENT, Principal: PRINCIPAL };
const TRUST_STATEMENT = { Effect: "Allow", Action: "sts:AssumeRole", Principal: PRINCIPAL };

/** A statement as it would be with other elements; `undefined` leaves one out. */
function withElements(elements: Record<string, unknown>, statement: Record<string, unknown> = STATEMENT) {
  return { ...statement, ...elements };
}

describe("parsePolicy", () => {
  test("reads single values and arrays alike", () => {
    const single = parsed([{ Effect: "Deny", Action: "kms:*", Resource: "acs:kms:*:*:key/*" }]);
    const several = parsed([{ Effect: "Deny", Action: ["kms:*"], Resource: ["acs:kms:*:*:key/*"] }]);
    assert.deepEqual(single, several);
    assert.deepEqual(single, {
      kind: "identity",
      statements: [
        { effect: "Deny", exceptActions: false, actions: ["kms:*"], resources: ["acs:kms:*:*:key/*"], conditions: [] },
      ],
    });
  });

  test("reads conditions with numbers and booleans, and looks keys up in lower case, but for tags", () => {
    const [statement] = parsed([
      withElements({
        Condition: {
          Bool: { "ACS:SecureTransport": true },
          StringLike: { "KMS:Tag/Team": ["a*", "b"] },
          NumericLessThan: { "ecs:Count": 1.5 },
        },
      }),
    ]).statements;
    assert.deepEqual(statement?.conditions, [
      { operator: "Bool", key: "acs:securetransport", name: "ACS:SecureTransport", values: ["true"] },
      { operator: "StringLike", key: "kms:tag/Team", name: "KMS:Tag/Team", values: ["a*", "b"] },
      { operator: "NumericLessThan", key: "ecs:count", name: "ecs:Count", values: ["1.5"] },
    ]);
  });

  test("reads the default policy of a key, spaces in its Sid included", () => {
    const [statement] = parsed(
      [
        {
          Sid: "kms default key policy",
          Effect: "Allow",
          Principal: { RAM: [`acs:ram::${OWNER}:*`] },
          Action: ["kms:*"],
          Resource: ["*"],
        },
      ],
      "resource",
    ).statements;
    assert.equal(statement?.sid, "kms default key policy");
    assert.deepEqual(statement.principals, [{ type: "account", accountId: OWNER }]);
  });

  test("reads every kind of principal in a trust policy", () => {
    const provider = `acs:ram::${OWNER}:oidc-provider/ci`;
    const Principal = {
      RAM: [`acs:ram::${OWNER}:root`, `acs:ram::${OWNER}:role/a.b-c`],
      Service: "oss.aliyuncs.com",
      Federated: [provider],
    };
    assert.deepEqual(parsed([{ ...TRUST_STATEMENT, Principal }], "trust").statements[0]?.principals, [
      { type: "account", accountId: OWNER },
      { type: "role", accountId: OWNER, name: "a.b-c" },
      { type: "service", name: "oss.aliyuncs.com" },
      { type: "federated", name: provider },
    ]);
  });

  test("reads text and its bytes alike", () => {
    const text = JSON.stringify({
      Version: "1",
      Statement: [withElements({ Resource: "acs:kms:*:*:secret/größe💼" })],
    });
    assert.deepEqual(parsePolicy(Buffer.from(text), "identity"), parsePolicy(text, "identity"));
  });
});

interface Refusal {
  readonly title: string;
  readonly kind?: PolicyKind;
  readonly statement: unknown;
  readonly path: string;
  readonly found?: string;
}

const REFUSALS: readonly Refusal[] = [
  { title: "a statement that is none", statement: "Allow", path: "$.Statement[0]", found: '"Allow"' },
  {
    title: "an element it does not know",
    statement: withElements({ NotResource: "*" }),
    path: "$.Statement[0]",
    found: '"NotResource"',
  },
  {
    title: "no effect",
    statement: { Action: "kms:*", Resource: "*" },
    path: "$.Statement[0].Effect",
    found: "nothing",
  },
  {
    title: "another effect",
    statement: withElements({ Effect: "allow" }),
    path: "$.Statement[0].Effect",
    found: '"allow"',
  },
  {
    title: "no action",
    statement: { Effect: "Allow", Resource: "*" },
    path: "$.Statement[0].Action",
    found: "nothing",
  },
  { title: "two kinds of action", statement: withElements({ NotAction: "ram:*" }), path: "$.Statement[0].NotAction" },
  {
    title: "an empty array of actions",
    statement: withElements({ Action: [] }),
    path: "$.Statement[0].Action",
    found: "an empty array",
  },
  {
    title: "an action without service",
    statement: withElements({ Action: ["kms:A", "Encrypt"] }),
    path: "$.Statement[0].Action[1]",
    found: '"Encrypt"',
  },
  {
    title: "an action that is no string",
    statement: withElements({ Action: 7 }),
    path: "$.Statement[0].Action",
    found: "7",
  },
  {
    title: "no resource",
    statement: { Effect: "Allow", Action: "kms:*" },
    path: "$.Statement[0].Resource",
    found: "nothing",
  },
  {
    title: "a resource that is no ARN",
    statement: withElements({ Resource: "key/k1" }),
    path: "$.Statement[0].Resource",
  },
  {
    title: "a resource with too few parts",
    statement: withElements({ Resource: "acs:kms:*" }),
    path: "$.Statement[0].Resource",
  },
  {
    title: "a resource of a service in capitals",
    statement: withElements({ Resource: "acs:KMS:*:*:*" }),
    path: "$.Statement[0].Resource",
  },
  {
    title: "a pattern that is too long",
    statement: withElements({ Resource: `acs:kms:*:*:${"*a".repeat(600)}` }),
    path: "$.Statement[0].Resource",
  },
  {
    title: "a principal in a policy of an identity",
    statement: KEY_STATEMENT,
    path: "$.Statement[0]",
    found: '"Principal"',
  },
  {
    title: "a principal in a session's policy",
    kind: "session",
    statement: KEY_STATEMENT,
    path: "$.Statement[0]",
    found: '"Principal"',
  },
  {
    title: "no principal in a key's policy",
    kind: "resource",
    statement: STATEMENT,
    path: "$.Statement[0].Principal",
    found: "nothing",
  },
  {
    title: "everybody as principal",
    kind: "resource",
    statement: withElements({ Principal: "*" }),
    path: "$.Statement[0].Principal",
  },
  {
    title: "no kind of principal",
    kind: "trust",
    statement: { ...TRUST_STATEMENT, Principal: {} },
    path: "$.Statement[0].Principal",
    found: "an empty object",
  },
  {
    title: "no principal of a kind",
    kind: "trust",
    statement: { ...TRUST_STATEMENT, Principal: { RAM: [] } },
    path: "$.Statement[0].Principal.RAM",
  },
  {
    title: "a kind of principal it does not know",
    kind: "trust",
    statement: { ...TRUST_STATEMENT, Principal: { AWS: "*" } },
    path: "$.Statement[0].Principal",
    found: '"AWS"',
  },
  {
    title: "all users of an account by a wildcard",
    kind: "resource",
    statement: withElements({ Principal: { RAM: `acs:ram::${OWNER}:user/*` } }),
    path: "$.Statement[0].Principal.RAM",
  },
  {
    title: "an account that is none",
    kind: "resource",
    statement: withElements({ Principal: { RAM: ["acs:ram::*:root"] } }),
    path: "$.Statement[0].Principal.RAM[0]",
  },
  {
    title: "a service in a key's policy",
    kind: "resource",
    statement: withElements({ Principal: { Service: "oss.aliyuncs.com" } }),
    path: "$.Statement[0].Principal",
    found: '"Service"',
  },
  {
    title: "a key's policy about one key",
    kind: "resource",
    statement: { ...KEY_STATEMENT, Resource: `acs:kms:*:${OWNER}:key/k1` },
    path: "$.Statement[0].Resource",
  },
  {
    title: "a key's policy about other actions",
    kind: "resource",
    statement: { ...KEY_STATEMENT, Action: ["kms:*", "ram:*"] },
    path: "$.Statement[0].Action[1]",
  },
  {
    title: "a key's policy about all actions",
    kind: "resource",
    statement: { ...KEY_STATEMENT, Action: "*" },
    path: "$.Statement[0].Action",
  },
  {
    title: "a key's policy with NotAction",
    kind: "resource",
    statement: { Effect: "Allow", NotAction: "kms:*", Resource: "*", Principal: PRINCIPAL },
    path: "$.Statement[0]",
    found: '"NotAction"',
  },
  {
    title: "a trust policy with a resource",
    kind: "trust",
    statement: { ...TRUST_STATEMENT, Resource: "*" },
    path: "$.Statement[0]",
    found: '"Resource"',
  },
  {
    title: "a trust policy about other actions",
    kind: "trust",
    statement: { ...TRUST_STATEMENT, Action: "kms:Encrypt" },
    path: "$.Statement[0].Action",
  },
  { title: "a Sid with other characters", statement: withElements({ Sid: "a;b" }), path: "$.Statement[0].Sid" },
  { title: "a Sid of 129 characters", statement: withElements({ Sid: "a".repeat(129) }), path: "$.Statement[0].Sid" },
];

const CONDITION_REFUSALS: readonly { title: string; condition: unknown; path: string; found?: string }[] = [
  {
    title: "an operator it does not know",
    condition: { StringEqualsIfExists: { "kms:tag/a": "b" } },
    path: ".StringEqualsIfExists",
  },
  { title: "an empty condition", condition: {}, path: "", found: "an empty object" },
  { title: "an operator without keys", condition: { Bool: {} }, path: ".Bool", found: "an empty object" },
  {
    title: "a misspelt key",
    condition: { IpAddress: { "acs:SourceIP4": "10.0.0.1" } },
    path: '.IpAddress["acs:SourceIP4"]',
  },
  { title: "a key without service", condition: { StringEquals: { team: "a" } }, path: ".StringEquals.team" },
  {
    title: "a tag key that is missing",
    condition: { StringEquals: { "kms:tag/": "a" } },
    path: '.StringEquals["kms:tag/"]',
  },
  {
    title: "an operator that does not fit the key",
    condition: { Bool: { "acs:SourceIp": "true" } },
    path: '.Bool["acs:SourceIp"]',
  },
  {
    title: "a time compared as text",
    condition: { StringLike: { "acs:CurrentTime": "2026*" } },
    path: '.StringLike["acs:CurrentTime"]',
  },
  {
    title: "a boolean compared as text",
    condition: { StringEquals: { "acs:SecureTransport": "False" } },
    path: '.StringEquals["acs:SecureTransport"]',
  },
  {
    title: "an address compared as text",
    condition: { StringLike: { "acs:SourceIp": "10.*" } },
    path: '.StringLike["acs:SourceIp"]',
  },
  {
    title: "more patterns with text between two stars than a decision may search for",
    condition: {
      StringLike: { "kms:tag/a": Array.from({ length: 20 }, (_, i) => `*${i}*`) },
      StringNotLike: { "kms:tag/b": Array.from({ length: 13 }, (_, i) => `*${i}*`) },
    },
    path: '.StringNotLike["kms:tag/b"]',
    found: '"*12*" beyond what is allowed',
  },
  {
    title: "a long text with ? between two stars",
    condition: { StringLike: { "kms:tag/a": `*${"a?".repeat(33)}*` } },
    path: '.StringLike["kms:tag/a"]',
  },
  {
    title: "no values",
    condition: { StringEquals: { "kms:tag/a": [] } },
    path: '.StringEquals["kms:tag/a"]',
    found: "an empty array",
  },
  {
    title: "null as value",
    condition: { StringEquals: { "kms:tag/a": null } },
    path: '.StringEquals["kms:tag/a"]',
    found: "null",
  },
  {
    title: "a value within a value",
    condition: { StringEquals: { "kms:tag/a": [["b"]] } },
    path: '.StringEquals["kms:tag/a"][0]',
    found: "an array",
  },
  {
    title: "a boolean that is none",
    condition: { Bool: { "acs:MFAPresent": "yes" } },
    path: '.Bool["acs:MFAPresent"]',
  },
  {
    title: "a day that does not exist",
    condition: { DateLessThan: { "acs:CurrentTime": "2026-02-30T00:00:00Z" } },
    path: '.DateLessThan["acs:CurrentTime"]',
  },
  {
    title: "a time without offset",
    condition: { DateLessThan: { "acs:CurrentTime": "2026-02-03T00:00:00" } },
    path: '.DateLessThan["acs:CurrentTime"]',
  },
  {
    title: "a range that is too long",
    condition: { IpAddress: { "acs:SourceIp": "10.0.0.0/33" } },
    path: '.IpAddress["acs:SourceIp"]',
  },
  {
    title: "an address with leading zeros",
    condition: { IpAddress: { "acs:SourceIp": ["10.0.0.1", "010.0.0.1"] } },
    path: '.IpAddress["acs:SourceIp"][1]',
  },
  {
    title: "a number that is none",
    condition: { NumericEquals: { "ecs:Count": "0x10" } },
    path: '.NumericEquals["ecs:Count"]',
  },
  {
    title: "a number of 16 digits",
    condition: { NumericEquals: { "ecs:Count": 1_234_567_890_123_456 } },
    path: '.NumericEquals["ecs:Count"]',
  },
  {
    title: "a pattern that is too long",
    condition: { StringLike: { "kms:tag/a": "*a".repeat(513) } },
    path: '.StringLike["kms:tag/a"]',
  },
];

test("takes each action, resource, principal and value once, and as many patterns as a decision may search for", () => {
  const RAM = `acs:ram::${OWNER}:user/a`;
  const patterns = ["a*b", "*-x", ...Array.from({ length: 31 }, (_, i) => `*${i}*`)];
  const [statement] = parsed(
    [
      {
        Effect: "Deny",
        Action: Array.from({ length: 100 }, () => "kms:*"),
        Resource: Array.from({ length: 100 }, () => "*"),
        Principal: { RAM: [RAM, RAM] },
        Condition: {
          StringLike: { "kms:tag/a": [...patterns, ...patterns] },
          StringNotLike: { "kms:tag/b": ["????-????-????-????-????-????-????-????*", "*a", "*/?*"] },
        },
      },
    ],
    "resource",
  ).statements;
  assert.deepEqual(statement?.actions, ["kms:*"]);
  assert.deepEqual(statement.resources, ["*"]);
  assert.equal(statement.principals?.length, 1);
  assert.deepEqual(statement.conditions[0]?.values, patterns);
});

describe("parsePolicy refuses", () => {
  for (const { title, kind = "identity", statement, path, found } of REFUSALS) {
    test(title, () => refuses(() => parsed([statement], kind), { path, ...(found !== undefined && { found }) }));
  }

  for (const { title, condition, path, found } of CONDITION_REFUSALS) {
    test(title, () => {
      const at = `$.Statement[0].Condition${path}`;
      refuses(() => parsed([withElements({ Condition: condition })]), {
        path: at,
        ...(found !== undefined && { found }),
      });
    });
  }

  const documents: readonly [title: string, document: string, path: string, found?: string][] = [
    ["text that is empty", "", "$", "the end"],
    ["text that is no JSON", "Allow", "$"],
    ["another value", "[]", "$", "an empty array"],
    ["no version", '{"Statement":[]}', "$.Version", "nothing"],
    ["another version", '{"Version":"2012-10-17","Statement":[]}', "$.Version", '"2012-10-17"'],
    ["a version that is a number", '{"Version":1,"Statement":[]}', "$.Version", "1"],
    ["no statement", '{"Version":"1","Statement":[]}', "$.Statement", "an empty array"],
    ["a statement outside of an array", '{"Version":"1","Statement":{}}', "$.Statement", "an empty object"],
    ["a name given twice", '{"Version":"1","Statement":[{"Effect":"Deny","Effect":"Allow"}]}', "$.Statement[0].Effect"],
    ["a name given twice in two spellings", String.raw`{"Version":"1","\u0056ersion":"1"}`, "$.Version"],
    ["more behind the end", '{"Version":"1"} x', "$", '"x" at character 16'],
    ["half of a surrogate pair", String.raw`{"Version":"\ud83d"}`, "$.Version", "half of a surrogate pair"],
    ["half of a surrogate pair in the text itself", '{"Version":"\ud83d"}', "$", "half of a surrogate pair"],
    ["a byte order mark", '\ufeff{"Version":"1"}', "$"],
    ["a comment", '{"Version":"1", // one\n"Statement":[]}', "$"],
    ["a trailing comma", '{"Version":"1",}', "$"],
    ["a line break in a string", '{"Version":"\n"}', "$.Version"],
  ];
  for (const [title, document, path, found] of documents) {
    test(title, () =>
      refuses(() => parsePolicy(document, "identity"), { path, ...(found !== undefined && { found }) }),
    );
  }

  test("bytes that are no UTF-8", () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
      const document = Buffer.concat([Buffer.from('{"Version":"'), Buffer.from(bytes), Buffer.from('"}')]);
      refuses(() => parsePolicy(document, "identity"), { path: "$", found: "bytes that are no UTF-8" });
    }
  });

  test("more bytes than it may have, and counts bytes", () => {
    const document = (bytes: number): string => {
      const text = JSON.stringify({
        Version: "1",
        Statement: [withElements({ Resource: "acs:kms:*:*:secret/größe" })],
      });
      return text + " ".repeat(bytes - Buffer.byteLength(text));
    };
    parsePolicy(document(MAX_POLICY_BYTES), "identity");
    parsePolicy(document(2_048), "session", { maxBytes: 2_048 });
    refuses(() => parsePolicy(document(MAX_POLICY_BYTES + 1), "identity"), { path: "$", found: "32769 bytes" });
    refuses(() => parsePolicy(Buffer.from(document(2_049)), "session", { maxBytes: 2_048 }), {
      allowed: "at most 2048 bytes",
    });
  });

  test("10 MB of anything, without reading it, and in linear time where it is told to read it", () => {
    const size = 10_000_000;
    const documents = [
      "[".repeat(size),
      '{"a":'.repeat(size / 5),
      `"${"a".repeat(size)}`,
      `"${String.raw`\u0041`.repeat(size / 6)}"`,
      "9".repeat(size),
      " ".repeat(size),
      `{"${"a".repeat(size)}":1}`,
      JSON.stringify({ Version: "1", Statement: Array.from({ length: size / 50 }, () => ({ Effect: "Allow" })) }),
    ];
    for (const document of documents) {
      refuses(() => parsePolicy(document, "identity"), { path: "$", allowed: "at most 32768 bytes" });
      assert.throws(
        () => parsePolicy(document, "identity", { maxBytes: 2 * size }),
        (error) => error instanceof PolicyError && error.message.length < 1_000,
      );
    }
  });
});
