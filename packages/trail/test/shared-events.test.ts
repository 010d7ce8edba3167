import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeEvent, type EventObject } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { type Attribute, ATTRIBUTE_NAMES, attributeOf } from "../src/events/attributes.ts";
import { type EventRecord, parseEventRecord, toSeconds } from "../src/events/event-record.ts";
import { accountsOf, visibleTo } from "../src/events/shared-event.ts";
import { keyUses } from "../src/usage/key-use.ts";
import { ACCOUNT as CALLER, LogWorld, OTHER_ACCOUNT as OWNER, START } from "./support/log-world.ts";

const THIRD = "3333333333333333";
const [KEY, SOURCE] = ["7d0b5e8e-42d6-4d2a-8a5a-1f6a9c1b2c3d", "0c9f8a0e-21d5-4c8a-9a3e-3b0c4d1e2f30"];

interface SharedCall {
  readonly operation?: string;
  readonly noted: EventObject;
  readonly parameters?: EventObject;
  readonly errorCode?: string;
  readonly eventId?: string;
}

/** A call of a role of the caller's account with keys of other ones. */
function callOf({ operation = "Encrypt", noted, parameters = {}, errorCode, eventId = "ID" }: SharedCall): string {
  return encodeEvent({
    acsRegion: "cn-hangzhou",
    additionalEventData: { epoch: 7, ...noted, mfaPresent: false, nonceDigest: "AAAA", secureTransport: true },
    apiVersion: "2016-01-20",
    errorCode,
    errorMessage: errorCode && "a message",
    eventId,
    eventName: operation,
    eventRW: "Read",
    eventSource: "kms.example",
    eventTime: START,
    eventType: "ApiCall",
    recipientAccountId: CALLER,
    requestParameters: { KeyId: "what the caller sent", ...parameters },
    resourceName: KEY,
    resourceType: "ACS::KMS::Key",
    responseElements: errorCode === undefined ? { KeyVersionId: "the version" } : undefined,
    serviceName: "Kms",
    sourceIpAddress: "192.0.2.7",
    userAgent: "the caller's program",
    userIdentity: {
      accessKeyId: "STS.caller",
      accountId: CALLER,
      principalId: "300000000000000001:batch",
      session: { startedAt: START, mfaPresent: false },
      type: "assumed-role",
      userName: "isv:batch",
    },
  });
}

function recordOf(call: SharedCall): EventRecord {
  const record = parseEventRecord(callOf(call));
  assert.ok(record);
  return record;
}

const ofOwner = { keyAccountId: OWNER, keyId: KEY, keyRevision: 4 };

test("the account of a key sees who used it, when, for what and with what outcome, and nothing else", () => {
  const EncryptionContext = '{"tenant":"acme"}';
  const record = recordOf({ noted: ofOwner, parameters: { EncryptionContext, Comment: "private" } });
  assert.equal(accountsOf(record), `${CALLER},${OWNER}`);
  assert.deepEqual(JSON.parse(JSON.stringify(visibleTo(record, OWNER))), {
    acsRegion: "cn-hangzhou",
    additionalEventData: { epoch: 7, keyAccountId: OWNER, keyId: KEY, keyRevision: 4 },
    apiVersion: "2016-01-20",
    eventCategory: "Management",
    eventId: "ID",
    eventName: "Encrypt",
    eventRW: "Read",
    eventTime: "2026-01-02T03:04:05Z",
    eventType: "ApiCall",
    eventVersion: 1,
    isGlobal: false,
    recipientAccountId: OWNER,
    referencedResources: { "ACS::KMS::Key": [KEY] },
    requestId: "ID",
    requestParameters: { EncryptionContext },
    resourceName: KEY,
    resourceType: "ACS::KMS::Key",
    responseElements: { KeyVersionId: "the version" },
    serviceName: "Kms",
    userIdentity: {
      accountId: CALLER,
      principalId: "300000000000000001:batch",
      type: "assumed-role",
      userName: "isv:batch",
    },
  });
  assert.equal(visibleTo(record, THIRD), undefined);
});

test("the caller's account sees all but how often another account's key was changed", () => {
  const record = recordOf({ noted: ofOwner });
  const { keyRevision: _, ...additionalEventData } = record.additionalEventData;
  assert.deepEqual(visibleTo(record, CALLER), { ...record, additionalEventData });
  const own = recordOf({ noted: { keyId: KEY, keyRevision: 4 } });
  assert.equal(visibleTo(own, CALLER), own);
  assert.equal(accountsOf(own), CALLER);
});

test("of a ReEncrypt between accounts each sees its own key alone", () => {
  const record = recordOf({
    operation: "ReEncrypt",
    noted: {
      ...ofOwner,
      sourceKeyAccountId: THIRD,
      sourceKeyId: SOURCE,
      sourceKeyRevision: 2,
      sourceKeyVersionId: "v",
    },
    parameters: { "DestinationEncryptionContext.to": "1", "SourceEncryptionContext.from": "2" },
  });
  assert.equal(accountsOf(record), [CALLER, OWNER, THIRD].join(","));
  const [destination, source] = [visibleTo(record, OWNER), visibleTo(record, THIRD)];
  assert.deepEqual(destination?.requestParameters, { "DestinationEncryptionContext.to": "1" });
  assert.deepEqual(destination?.additionalEventData, { epoch: 7, ...ofOwner });
  assert.deepEqual(source?.requestParameters, { "SourceEncryptionContext.from": "2" });
  assert.deepEqual([source?.resourceName, source?.responseElements], [SOURCE, undefined]);
  const { sourceKeyAccountId, sourceKeyId, sourceKeyRevision, sourceKeyVersionId } = record.additionalEventData;
  assert.deepEqual(source?.additionalEventData, {
    epoch: 7,
    sourceKeyAccountId,
    sourceKeyId,
    sourceKeyRevision,
    sourceKeyVersionId,
  });
  const both = recordOf({ noted: { ...ofOwner, sourceKeyAccountId: OWNER, sourceKeyId: SOURCE } });
  assert.equal(visibleTo(both, OWNER)?.resourceName, `${KEY},${SOURCE}`);
});

test("the account of a key sees with what parameters it was changed", () => {
  const requestParameters = { KeyId: KEY, Policy: '{"Version":"1"}', "Tag.1.Key": "env" };
  const changed = { ...recordOf({ operation: "SetKeyPolicy", noted: ofOwner }), eventRW: "Write", requestParameters };
  assert.deepEqual(visibleTo(changed, OWNER)?.requestParameters, requestParameters);
  assert.deepEqual(visibleTo({ ...changed, eventRW: "Read" }, OWNER)?.requestParameters, {});
});

test("the account of a key sees its own alias that the key was named by, and none that another account gave it", () => {
  const shown = (noted: EventObject, eventRW: string) => {
    const call = recordOf({ operation: "CreateKeyVersion", noted: { ...ofOwner, alias: "alias/a", ...noted } });
    return visibleTo({ ...call, eventRW }, OWNER);
  };
  assert.equal(shown({}, "Read")?.additionalEventData["alias"], "alias/a");
  const other = shown({ aliasAccountId: CALLER }, "Write");
  assert.deepEqual(other?.additionalEventData, { epoch: 7, ...ofOwner });
  assert.deepEqual(other.requestParameters, {});
  for (const operation of ["CreateAlias", "UpdateAlias", "DeleteAlias"]) {
    const parameters = { AliasName: "alias/private" };
    const record = { ...recordOf({ operation, noted: ofOwner, parameters }), eventRW: "Write" };
    assert.doesNotMatch(JSON.stringify(visibleTo(record, OWNER)), /private/);
    assert.match(JSON.stringify(visibleTo(record, CALLER)), /private/);
  }
});

test("of a change of several keys each account sees its own alone", () => {
  const keys = [
    { keyId: SOURCE, keyRevision: 2 },
    { keyId: KEY, keyRevision: 4, keyAccountId: OWNER },
    { keyId: "7e0b5e8e-42d6-4d2a-8a5a-1f6a9c1b2c3d", keyRevision: 5, keyAccountId: THIRD },
  ];
  const [own, theirs, thirds] = keys;
  const requestParameters = { ResourceType: "key", "ResourceId.1": SOURCE, "ResourceId.2": KEY, "Tag.1.Key": "env" };
  const changed = { ...recordOf({ operation: "TagResources", noted: { keys } }), eventRW: "Write", requestParameters };
  assert.equal(accountsOf(changed), [CALLER, OWNER, THIRD].join(","));
  const seen = visibleTo(changed, OWNER);
  assert.deepEqual(seen?.additionalEventData, { epoch: 7, keys: [theirs] });
  assert.deepEqual(seen.requestParameters, { ResourceType: "key", "Tag.1.Key": "env" });
  assert.equal(seen.resourceName, KEY);
  const { keys: told, ...rest } = visibleTo(changed, CALLER)?.additionalEventData ?? {};
  const withoutRevision = (key: EventObject | undefined) => ({
    keyId: key?.["keyId"],
    keyAccountId: key?.["keyAccountId"],
  });
  assert.deepEqual(told, [own, withoutRevision(theirs), withoutRevision(thirds)]);
  assert.equal(rest["epoch"], 7);
  const ofOneAccount = recordOf({ operation: "TagResources", noted: { keys: [{ keyId: KEY, keyRevision: 4 }] } });
  assert.equal(visibleTo(ofOneAccount, CALLER), ofOneAccount);
  assert.equal(visibleTo(ofOneAccount, OWNER), undefined);
});

test("the uses of a key are counted with those of other accounts, without their AccessKeys", () => {
  const record = recordOf({ noted: ofOwner, parameters: { EncryptionContext: '{"tenant":"acme"}' } });
  const uses = keyUses({ record, seconds: toSeconds(record.eventTime) }, new Set(["Encrypt"]));
  assert.deepEqual(uses, [
    {
      keyId: KEY,
      operation: "Encrypt",
      isRefused: false,
      at: START,
      keyVersionId: "the version",
      principal: { type: "assumed-role", accountId: CALLER, principalId: "300000000000000001:batch" },
      contextNames: ["tenant"],
      usedFor: undefined,
    },
  ]);
});

forEachDatabase((database) => {
  test("both accounts find a call, by what each sees of it", async () => {
    await using world = await LogWorld.open(database);
    await world.append(1, [
      callOf({ eventId: "SHARED", noted: ofOwner }),
      callOf({ eventId: "OWN", noted: { keyId: KEY, keyRevision: 4 } }),
      callOf({ eventId: "REFUSED", noted: {}, errorCode: "Forbidden.KeyNotFound" }),
    ]);
    const hidden: readonly Attribute[] = [
      { name: "SourceIpAddress", value: "192.0.2.7" },
      { name: "EventAccessKeyId", value: "STS.caller" },
    ];
    const assertFound = async (): Promise<void> => {
      assert.deepEqual((await world.all({ accountId: CALLER })).toSorted(), ["OWN", "REFUSED", "SHARED"]);
      assert.deepEqual(await world.all({ accountId: OWNER }), ["SHARED"]);
      assert.deepEqual(await world.all({ accountId: THIRD }), []);
      const { events } = await world.page({ accountId: OWNER });
      const [shared] = events;
      assert.ok(shared);
      assert.ok(!JSON.stringify(shared).includes("STS.caller") && shared.sourceIpAddress === undefined);
      for (const name of ATTRIBUTE_NAMES) {
        const value = attributeOf(shared, name);
        if (value === undefined) continue;
        assert.deepEqual(await world.all({ accountId: OWNER, attributes: [{ name, value }] }), ["SHARED"], name);
      }
      for (const attribute of hidden) {
        assert.deepEqual(await world.all({ accountId: OWNER, attributes: [attribute] }), []);
        assert.equal((await world.all({ accountId: CALLER, attributes: [attribute] })).length, 3);
      }
    };
    await assertFound();
    await world.follower.catchUp();
    await assertFound();
  });

  test("of a ReEncrypt each account finds its own keys by their names, and no others", async () => {
    await using world = await LogWorld.open(database);
    const ofSource = (accountId: string) => ({ sourceKeyAccountId: accountId, sourceKeyId: SOURCE });
    const reEncrypts = [
      { eventId: "FROM", noted: { keyId: KEY, ...ofSource(OWNER) } },
      { eventId: "TO", noted: { ...ofOwner, sourceKeyId: SOURCE } },
      { eventId: "BOTH", noted: { ...ofOwner, ...ofSource(OWNER) } },
      { eventId: "EACH", noted: { ...ofOwner, ...ofSource(THIRD) } },
    ];
    await world.append(
      1,
      reEncrypts.map((call) => callOf({ operation: "ReEncrypt", ...call })),
    );
    const idsOf = async (accountId: string, value: string) =>
      (await world.all({ accountId, attributes: [{ name: "ResourceName", value }] })).toSorted();
    const assertFound = async (): Promise<void> => {
      assert.deepEqual(await idsOf(OWNER, KEY), ["BOTH", "EACH", "TO"]);
      assert.deepEqual(await idsOf(OWNER, SOURCE), ["BOTH", "FROM"]);
      assert.deepEqual(await idsOf(OWNER, `${KEY},${SOURCE}`), ["BOTH"]);
      assert.deepEqual(await idsOf(THIRD, SOURCE), ["EACH"]);
      assert.deepEqual(await idsOf(THIRD, KEY), []);
      assert.deepEqual(await idsOf(CALLER, KEY), ["BOTH", "EACH", "FROM", "TO"]);
      assert.deepEqual(await idsOf(CALLER, SOURCE), []);
    };
    await assertFound();
    await world.follower.catchUp();
    await assertFound();
  });
});
