import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseEventRecord, toSeconds } from "../src/events/event-record.ts";
import { keyUses, MAX_NAME_CHARACTERS, MAX_NAMES_PER_CONTEXT } from "../src/usage/key-use.ts";
import { addCounts, addUse, emptyCounts, type KeyCounts, MAX_NAMES } from "../src/usage/usage-counts.ts";
import { toKeyUsage } from "../src/usage/key-usage.ts";
import { usageReport } from "../src/usage/usage-report.ts";
import { ACCOUNT_ID, callEvent, type TestCall } from "./usage-event.ts";

const OPERATIONS = new Set(["Encrypt", "Decrypt", "GenerateDataKey", "ReEncrypt"]);
const [KEY, OTHER_KEY] = ["7d0b5e8e-42d6-4d2a-8a5a-1f6a9c1b2c3d", "0c9f8a0e-21d5-4c8a-9a3e-3b0c4d1e2f30"];
const VERSION = "2ab1a983-7072-4bbc-a582-584b5bd8c42e";
const START = Date.UTC(2026, 0, 2, 3, 4, 5);

const specification = readFileSync(new URL("../../../docs/formats/usage-report.md", import.meta.url), "utf8");

function block(name: string): string {
  const content = new RegExp(`^\`\`\`${name}\n(.*?)\n\`\`\`$`, "ms").exec(specification)?.[1];
  assert.ok(content, `the specification has a block "${name}"`);
  return content;
}

function usesOf(...events: readonly string[]) {
  return events.flatMap((text) => {
    const record = parseEventRecord(text);
    assert.ok(record);
    return keyUses({ record, seconds: toSeconds(record.eventTime) }, OPERATIONS);
  });
}

function countsOf(...events: readonly string[]): KeyCounts {
  const counts = emptyCounts();
  for (const use of usesOf(...events)) if (use.keyId === KEY) addUse(counts, use);
  return counts;
}

function reportOf(...events: readonly string[]): string {
  return usageReport({ accountId: ACCOUNT_ID, keyId: KEY, counts: countsOf(...events) }).hash;
}

const encrypt = (call: Partial<TestCall> = {}): TestCall => ({
  operation: "Encrypt",
  at: START,
  noted: { keyId: KEY, keyRevision: 1 },
  keyVersionId: VERSION,
  ...call,
});

test("the documented report and its hash follow from the documented events", () => {
  const counts = countsOf(...block("events").split("\n"));
  const report = usageReport({ accountId: ACCOUNT_ID, keyId: KEY, counts });
  assert.equal(report.text, block("report"));
  assert.equal(report.hash, block("hash"));
  assert.equal(hash("sha256", report.text, "hex"), report.hash);
});

test("the documented report of a key that nobody used is that", () => {
  assert.equal(usageReport({ accountId: ACCOUNT_ID, keyId: KEY, counts: emptyCounts() }).text, block("unused"));
});

test("reading a key, changing it, and asking whether a use would succeed are no uses", () => {
  const events = [
    { operation: "DescribeKey", noted: { keyId: KEY } },
    { operation: "GetKeyUsage", noted: { keyId: KEY } },
    { operation: "DisableKey", noted: { keyId: KEY } },
    { operation: "TagResources", noted: { keys: [{ keyId: KEY, keyRevision: 1 }] } },
    { operation: "Encrypt", noted: {}, errorCode: "Forbidden.KeyNotFound" },
    encrypt({ errorCode: "DryRunOperationError" }),
  ].map((call) => callEvent({ at: START, ...call }));
  assert.deepEqual(usesOf(...events), []);
});

test("an event of Cinnabar itself is no use, whatever it is called", () => {
  const event = callEvent(encrypt()).replace('"ApiCall"', '"AliyunServiceEvent"');
  assert.deepEqual(usesOf(event), []);
});

test("a ReEncrypt uses the source key to decrypt and the destination key to encrypt", () => {
  const event = callEvent({
    operation: "ReEncrypt",
    at: START,
    noted: { keyId: KEY, sourceKeyId: OTHER_KEY, sourceKeyVersionId: "old" },
    keyVersionId: VERSION,
    parameters: { SourceEncryptionContext: '{"a":"1"}', "DestinationEncryptionContext.b": "2" },
  });
  assert.deepEqual(
    usesOf(event).map(({ keyId, operation, keyVersionId, contextNames, isRefused }) => ({
      keyId,
      operation,
      keyVersionId,
      contextNames,
      isRefused,
    })),
    [
      { keyId: OTHER_KEY, operation: "ReEncryptFrom", keyVersionId: "old", contextNames: ["a"], isRefused: false },
      { keyId: KEY, operation: "ReEncryptTo", keyVersionId: VERSION, contextNames: ["b"], isRefused: false },
    ],
  );
});

test("a refused call counts apart, with the version that its ciphertext named and without names", () => {
  const counts = countsOf(
    callEvent({
      operation: "Decrypt",
      at: START,
      errorCode: "Rejected.Disabled",
      noted: { keyId: KEY, keyVersionId: VERSION },
      parameters: { EncryptionContext: '{"made-up":"1"}' },
    }),
  );
  const refusals = { refusals: { count: 1, firstAt: START, lastAt: START } };
  assert.deepEqual([...counts.names.operation], [["Decrypt", refusals]]);
  assert.deepEqual([...counts.names.version], [[VERSION, refusals]]);
  assert.deepEqual([...counts.names.context], []);
});

test("names are counted by themselves only where a context has a handful, and long ones as their digests", () => {
  const many = Object.fromEntries(Array.from({ length: MAX_NAMES_PER_CONTEXT + 1 }, (_, i) => [`n${i}`, ""]));
  const long = "x".repeat(MAX_NAME_CHARACTERS + 1);
  const counts = countsOf(
    ...[JSON.stringify(many), `sha256:${"0".repeat(64)}`, JSON.stringify({ [long]: "" }), '{"":"","__proto__":""}'].map(
      (EncryptionContext) => callEvent(encrypt({ parameters: { EncryptionContext } })),
    ),
    callEvent(encrypt({ parameters: { omitted: "the parameters are too long to be recorded" } })),
    callEvent(encrypt()),
  );
  assert.equal(counts.unnamedContexts.uses?.count, 3);
  assert.deepEqual([...counts.names.context.keys()], [`sha256:${hash("sha256", long, "hex")}`, "", "__proto__"]);
});

test("answered calls of services, and of sessions that work for one, are told by what they are for", () => {
  const bucket = "acs:oss:cn-hangzhou:1234567890123456:bucket";
  const asService = (call: TestCall) =>
    callEvent(call)
      .replace('"type":"root-account"', '"type":"system"')
      .replace(`"principalId":"${ACCOUNT_ID}"`, '"principalId":"oss.aliyuncs.com"');
  const noted = { keyId: KEY, sourceService: "ecs.aliyuncs.com" };
  const counts = countsOf(
    asService(encrypt({ parameters: { SourceArn: bucket } })),
    asService(encrypt({ at: START + 1000 })),
    asService(encrypt({ parameters: { SourceArn: "acs:made:up" }, errorCode: "Rejected.Disabled" })),
    callEvent(encrypt({ noted: { ...noted, sourceArn: bucket } })),
    callEvent(encrypt({ noted })),
    // Whoever is no service says nothing by it.
    callEvent(encrypt({ parameters: { SourceArn: "acs:not:so" } })),
  );
  const uses = (count: number, lastAt = START) => ({ uses: { count, firstAt: START, lastAt } });
  assert.deepEqual(
    [...counts.names.service],
    [
      ["oss.aliyuncs.com", uses(2, START + 1000)],
      ["ecs.aliyuncs.com", uses(2)],
    ],
  );
  const usage = toKeyUsage({ accountId: ACCOUNT_ID, keyId: KEY }, counts);
  assert.deepEqual(usage.resources, [
    { service: "oss.aliyuncs.com", arn: bucket, ...uses(1) },
    { service: "ecs.aliyuncs.com", arn: bucket, ...uses(1) },
  ]);
});

test("a session is told by its principal, not by an AccessKey that is another one each time", () => {
  const session = (accessKeyId: string) =>
    callEvent(encrypt({ accessKeyId })).replace('"type":"root-account"', '"type":"assumed-role"');
  const counts = countsOf(session("STS.one"), session("STS.two"));
  assert.deepEqual([...counts.names.principal.keys()], [`assumed-role ${ACCOUNT_ID} ${ACCOUNT_ID} `]);
});

test("the report changes with every use and every attempt, and with nothing else", () => {
  const first = callEvent(encrypt());
  const before = reportOf(first);
  const unrelated = [
    callEvent({ operation: "GetKeyUsage", at: START + 9000, noted: { keyId: KEY } }),
    callEvent({ operation: "DescribeKey", at: START + 9000, noted: { keyId: KEY } }),
    callEvent({ ...encrypt(), noted: { keyId: OTHER_KEY } }),
  ];
  assert.equal(reportOf(...unrelated, first, ...unrelated), before);
  const changes = [
    encrypt(),
    encrypt({ errorCode: "Rejected.Disabled" }),
    encrypt({ operation: "Decrypt" }),
    encrypt({ accessKeyId: "LTAI5tOther" }),
    encrypt({ at: START + 1000 }),
  ].map((call) => reportOf(first, callEvent(call)));
  assert.equal(new Set([before, ...changes]).size, changes.length + 1);
});

test("a report does not depend on which names came first, where not all are counted by themselves", () => {
  const counts = (order: number[]): KeyCounts => {
    const all = emptyCounts();
    for (const n of order) {
      addCounts(
        all,
        countsOf(callEvent(encrypt({ at: START + n * 1000, parameters: { [`EncryptionContext.n${n}`]: "" } }))),
      );
    }
    return all;
  };
  const forth = Array.from({ length: MAX_NAMES + 5 }, (_, n) => n);
  const [one, other] = [counts(forth), counts(forth.toReversed())];
  assert.equal(one.names.context.size, MAX_NAMES);
  assert.notDeepEqual(one.names.context, other.names.context);
  const texts = [one, other].map((counts) => usageReport({ accountId: ACCOUNT_ID, keyId: KEY, counts }).text);
  assert.equal(texts[0], texts[1]);
  assert.match(texts[0] ?? "", /"contextNames":"too many"/);
});
