import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type AuditEvent, encodeEvent, type EventObject, type EventValue, isoSeconds } from "../src/audit/event.ts";
import { encodeSystemEvent } from "../src/audit/system-event.ts";

/** RFC 8785, slowly: members by name in UTF-16 code units, no white space, what is undefined left out. */
function canonicalize(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => compareCodeUnits(a, b))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalize(member)}`);
  return `{${members.join(",")}}`;
}

function compareCodeUnits(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i);
  }
  return a.length - b.length;
}

const texts = fc.string({ unit: "grapheme", maxLength: 20 });
const names = fc.oneof(
  texts,
  fc.constantFrom("__proto__", "constructor", "0", "9", "10", "2e1", "", "ﬀ", "😀", "\u0080", "EncryptionContext.a"),
);
const { value: values } = fc.letrec<{ value: EventValue; object: EventObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    texts,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(names, tie("value"), { maxKeys: 6 }),
}));
const objects = fc.dictionary(names, values, { maxKeys: 8 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const events: fc.Arbitrary<AuditEvent> = fc
  .record({
    required: fc.record({
      acsRegion: texts,
      additionalEventData: objects,
      apiVersion: texts,
      eventId: fc.uuid(),
      eventName: texts,
      eventRW: fc.constantFrom("Read", "Write"),
      eventSource: texts,
      eventTime: fc.nat({ max: 4_000_000_000_000 }),
      eventType: fc.constantFrom("ApiCall", "AliyunServiceEvent"),
      recipientAccountId: texts,
      requestParameters: objects,
      serviceName: texts,
      sourceIpAddress: texts,
      userAgent: texts,
    }),
    error: maybe(fc.record({ errorCode: texts, errorMessage: texts })),
    resource: maybe(fc.record({ resourceName: texts, resourceType: texts })),
    result: maybe(fc.record({ responseElements: objects })),
    accessKeyId: maybe(texts),
  })
  .map(({ required, error, resource, result, accessKeyId }) => ({
    ...required,
    ...error,
    ...resource,
    ...result,
    userIdentity: {
      ...(accessKeyId !== undefined && { accessKeyId }),
      accountId: "1",
      principalId: "1",
      type: "root-account",
      userName: "root",
    },
  }));

/** The event with what every event has, as a reader is to find it. */
function expected(event: AuditEvent): object {
  const { resourceType, resourceName, eventTime } = event;
  const fields = {
    ...event,
    eventCategory: "Management",
    eventTime: `${new Date(eventTime).toISOString().slice(0, 19)}Z`,
    eventVersion: 1,
    isGlobal: false,
    requestId: event.eventId,
  };
  if (resourceType === undefined || resourceName === undefined) return fields;
  return { ...fields, referencedResources: Object.fromEntries([[resourceType, resourceName.split(",")]]) };
}

test("an event is written in the canonical form of JSON, whatever is in it", () => {
  fc.assert(
    fc.property(events, (event) => {
      const text = encodeEvent(event);
      assert.equal(text, canonicalize(expected(event)));
      assert.ok(!text.includes("\n"), "an event is one line");
    }),
    { numRuns: 1000 },
  );
});

test("names that JavaScript would put first stand where the canonical form wants them", () => {
  const event: AuditEvent = {
    acsRegion: "",
    additionalEventData: { "9": 1, "10": [{ b: 1, "3": 2, "20": 3 }], a: true },
    apiVersion: "",
    eventId: "",
    eventName: "",
    eventRW: "Read",
    eventSource: "",
    eventTime: 0,
    eventType: "ApiCall",
    recipientAccountId: "",
    requestParameters: {},
    serviceName: "",
    sourceIpAddress: "",
    userAgent: "",
    userIdentity: { accountId: "", principalId: "", type: "system", userName: "" },
  };
  assert.match(encodeEvent(event), /"additionalEventData":\{"10":\[\{"20":3,"3":2,"b":1\}\],"9":1,"a":true\}/);
});

test("an event's time is in whole seconds", () => {
  assert.equal(isoSeconds(0), "1970-01-01T00:00:00Z");
  assert.equal(isoSeconds(999), "1970-01-01T00:00:00Z");
  assert.equal(isoSeconds(1_000), "1970-01-01T00:00:01Z");
  assert.equal(
    isoSeconds(1_795_219_199_999),
    "2026-11-20T23:59:59Z".replace("20T23:59:59", new Date(1_795_219_199_999).toISOString().slice(8, 19)),
  );
  assert.equal(isoSeconds(0), "1970-01-01T00:00:00Z");
});

test("what the deployment records about itself is an event like any other", () => {
  const text = encodeSystemEvent({
    name: "OpenShard",
    region: "cn-hangzhou",
    eventId: "ID",
    time: 1000,
    epoch: 7,
    data: { shard: 1, node: "n" },
  });
  assert.equal(text, canonicalize(JSON.parse(text)));
  const event = JSON.parse(text) as Record<string, unknown>;
  assert.equal(event["eventName"], "OpenShard");
  assert.equal(event["eventType"], "AliyunServiceEvent");
  assert.deepEqual(event["additionalEventData"], { epoch: 7, node: "n", shard: 1 });
});
