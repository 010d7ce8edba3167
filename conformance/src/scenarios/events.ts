import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { CallParameters, Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

/** ActionTrail's, which LookupEvents belongs to. */
const VERSION = "2020-07-06";
const DAY_MILLIS = 24 * 60 * 60 * 1000;

interface Found {
  readonly events: readonly Body[];
  readonly nextToken: string | undefined;
}

async function lookUp(
  root: Caller,
  conditions: Readonly<Record<string, string>>,
  parameters: CallParameters = {},
): Promise<Found> {
  const LookupAttribute = Object.entries(conditions).map(([Key, Value]) => ({ Key, Value }));
  const answer = await root.call("LookupEvents", { LookupAttribute, ...parameters }, { version: VERSION });
  const { Events, NextToken, StartTime, EndTime } = answer;
  for (const time of [StartTime, EndTime]) assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Array.isArray(Events));
  return { events: Events as Body[], nextToken: NextToken as string | undefined };
}

/** What auditors do through the API: find who did what. */
export const eventScenarios: readonly Scenario[] = [
  {
    title: "finds what was answered a moment ago, by key, name and id, and the lookup itself too",
    async run(root) {
      const keyId = await root.createKey();
      await root.call("Encrypt", { KeyId: keyId, Plaintext: "eA==" });
      const { body } = await root.attempt("DisableKey", { KeyId: keyId });
      const ofKey = await lookUp(root, { ResourceName: keyId });
      assert.deepEqual(ofKey.events.map(({ eventName }) => String(eventName)).toSorted(), [
        "CreateKey",
        "DisableKey",
        "Encrypt",
      ]);
      const [event] = (await lookUp(root, { EventId: String(body["RequestId"]) })).events;
      const { accountId } = root.deployment;
      assert.partialDeepStrictEqual(event, {
        eventId: body["RequestId"],
        eventName: "DisableKey",
        eventRW: "Write",
        eventVersion: 1,
        serviceName: "Kms",
        recipientAccountId: accountId,
        resourceType: "ACS::KMS::Key",
        requestParameters: { KeyId: keyId },
        userIdentity: { accountId, accessKeyId: root.setup.accessKeyId, type: "root-account", userName: "root" },
      });
      const written = await lookUp(root, { ResourceName: keyId, EventRW: "Write" });
      assert.equal(written.events.length, 2);
      const sensitive = await lookUp(root, { ResourceName: keyId, SensitiveAction: "true" });
      assert.deepEqual(
        sensitive.events.map(({ eventName }) => eventName),
        ["DisableKey"],
      );
      assert.deepEqual((await lookUp(root, { ResourceName: randomUUID() })).events, []);
      const lookups = await lookUp(root, { EventName: "LookupEvents", ServiceName: "Actiontrail" }, { MaxResults: 1 });
      assert.equal(lookups.events.length, 1);
    },
  },
  {
    title: "finds an operation on several keys by each of them, and turns pages either way",
    async run(root) {
      const keys = [await root.createKey(), await root.createKey()];
      await root.call("TagResources", {
        ResourceType: "key",
        ResourceId: keys,
        Tag: [{ Key: "k", Value: "v" }],
        RegionId: "cn-hangzhou",
      });
      for (const keyId of keys) {
        const { events } = await lookUp(root, { ResourceName: keyId, EventName: "TagResources" });
        assert.equal(events.length, 1);
      }
      const [keyId = ""] = keys;
      for (let i = 0; i < 3; i++) await root.call("DescribeKey", { KeyId: keyId });
      const all = (await lookUp(root, { ResourceName: keyId }, { Direction: "FORWARD" })).events;
      assert.equal(all.length, 5);
      for (const Direction of ["FORWARD", "BACKWARD"]) {
        const seen: unknown[] = [];
        let token: string | undefined;
        do {
          const page: CallParameters = { Direction, MaxResults: 2, ...(token !== undefined && { NextToken: token }) };
          const { events, nextToken } = await lookUp(root, { ResourceName: keyId }, page);
          assert.ok(events.length <= 2);
          seen.push(...events.map(({ eventId }) => eventId));
          token = nextToken;
        } while (token !== undefined);
        const ids = all.map(({ eventId }) => eventId);
        assert.deepEqual(seen, Direction === "FORWARD" ? ids : ids.toReversed());
      }
    },
  },
  {
    title: "refuses ranges, pages and conditions that are not ones",
    async run(root) {
      const options = { version: VERSION };
      const at = (millis: number): string => `${new Date(millis).toISOString().slice(0, 19)}Z`;
      const now = Date.now();
      const refused = (...[code, parameters]: [Parameters<Caller["refused"]>[0], CallParameters]) =>
        root.refused(code, "LookupEvents", parameters, options);
      const range = { StartTime: at(now - DAY_MILLIS), EndTime: at(now) };
      await root.call("LookupEvents", range, options);
      await refused("InvalidParameterCombination", { StartTime: range.EndTime, EndTime: range.StartTime });
      await refused("InvalidParameterStartTime", { ...range, StartTime: at(now - 91 * DAY_MILLIS) });
      await refused("InvalidParameterStartTime", { ...range, StartTime: "yesterday" });
      await refused("InvalidParameterEndTime", { ...range, EndTime: "today" });
      await refused("InvalidQueryParameter", { MaxResults: 51 });
      await refused("InvalidQueryParameter", { NextToken: "none" });
      await refused("InvalidQueryParameter", { LookupAttribute: [{ Key: "NoSuchKey", Value: "x" }] });
    },
  },
];
