import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { CinnabarClient } from "@cinnabar/client";
import { forEachDatabase } from "@cinnabar/testkit";
import { allow, assume, policy, RAM, refusal, StsWorld, toCredentials, trusts } from "./support/sts-world.ts";

const TRAIL = { version: "2020-07-06" };
const NOT_FOUND = "Forbidden.KeyNotFound";

interface ShownEvent {
  readonly eventId: string;
  readonly eventName: string;
  readonly recipientAccountId: string;
  readonly sourceIpAddress?: string;
  readonly userIdentity: Readonly<Record<string, unknown>>;
  readonly requestParameters: Readonly<Record<string, unknown>>;
  readonly additionalEventData: Readonly<Record<string, unknown>>;
}

/** The events about a key that an account's trail holds, the oldest first. */
async function eventsAbout(client: CinnabarClient, keyId: string): Promise<readonly ShownEvent[]> {
  const attribute = { "LookupAttribute.1.Key": "ResourceName", "LookupAttribute.1.Value": keyId };
  const { Events } = await client.call("LookupEvents", { ...attribute, Direction: "FORWARD", MaxResults: "50" }, TRAIL);
  return Events as readonly ShownEvent[];
}

/** A policy of a key of the customer's: its own account, and what a principal may do beside. */
function keyPolicy(customer: string, principal?: string): string {
  const statement = (RAM: string, Action: readonly string[]) => ({
    Effect: "Allow",
    Principal: { RAM: [RAM] },
    Action,
    Resource: ["*"],
  });
  const guests = principal === undefined ? [] : [statement(principal, ["kms:Encrypt", "kms:Decrypt"])];
  return policy([statement(`acs:ram::${customer}:*`, ["kms:*"]), ...guests]);
}

forEachDatabase((database) => {
  test("a vendor uses a customer's key until the customer cuts it off, and both see each use in their trails", async () => {
    await using world = await StsWorld.start(database);
    const { one: customer, other: vendor } = world;
    const owner = world.client(customer.credentials);
    const roleArn = await world.createRole(vendor, "encryptor", {
      trust: [trusts({ RAM: `acs:ram::${vendor.accountId}:root` })],
      statements: [allow("kms:Encrypt", "kms:Decrypt")],
    });
    const employee = world.client(await world.createUser(vendor, "employee", [allow("sts:AssumeRole")]));
    const answer = await assume(employee, roleArn);
    const credentials = toCredentials(answer);
    const sessions = world.nodes.map((_node, index) => world.client(credentials, index));
    const auditor = world.client(await world.createUser(customer, "auditor", [allow("actiontrail:LookupEvents")]));

    const Policy = keyPolicy(customer.accountId, roleArn);
    const { KeyMetadata } = await owner.call("CreateKey", { Policy });
    const { KeyId: keyId, Arn: arn } = KeyMetadata as { KeyId: string; Arn: string };
    const blobs: string[] = [];
    for (const session of sessions) {
      const context = { EncryptionContext: '{"tenant":"acme"}' };
      const { CiphertextBlob } = await session.call("Encrypt", { KeyId: arn, Plaintext: "text", ...context });
      blobs.push(CiphertextBlob as string);
      const { Plaintext } = await session.call("Decrypt", { CiphertextBlob: CiphertextBlob as string, ...context });
      assert.equal(Plaintext, "text");
      // What the policy of the key does not name is not there, and by its bare id neither is the key.
      assert.equal(await refusal(session.call("GenerateDataKey", { KeyId: arn })), NOT_FOUND);
      assert.equal(await refusal(session.call("Encrypt", { KeyId: keyId, Plaintext: "text" })), NOT_FOUND);
    }
    // Another principal of the same account, which its own policies would allow, is not meant.
    const colleague = world.client(await world.createUser(vendor, "colleague", [allow("kms:*")]));
    assert.equal(await refusal(colleague.call("Encrypt", { KeyId: arn, Plaintext: "text" })), NOT_FOUND);
    assert.equal(await refusal(employee.call("Encrypt", { KeyId: arn, Plaintext: "text" })), NOT_FOUND);

    const uses = sessions.flatMap(() => ["Encrypt", "Decrypt"]);
    const seenByOwner = await eventsAbout(auditor, keyId);
    const used = seenByOwner.filter(({ eventName }) => eventName !== "CreateKey");
    assert.equal(used.length, seenByOwner.length - 1);
    assert.deepEqual(used.map(({ eventName }) => eventName).toSorted(), uses.toSorted());
    for (const event of used) {
      assert.equal(event.recipientAccountId, customer.accountId);
      assert.equal(event.sourceIpAddress, undefined);
      assert.deepEqual(event.userIdentity, {
        accountId: vendor.accountId,
        principalId: answer.AssumedRoleUser.AssumedRoleId,
        type: "assumed-role",
        userName: `encryptor:${answer.AssumedRoleUser.AssumedRoleId.split(":")[1]}`,
      });
      assert.deepEqual(event.requestParameters, { EncryptionContext: '{"tenant":"acme"}' });
      assert.ok(!JSON.stringify(event).includes(credentials.accessKeyId));
    }
    const seenByVendor = await eventsAbout(world.client(vendor.credentials), keyId);
    assert.deepEqual(
      seenByVendor.map(({ eventId }) => eventId),
      used.map(({ eventId }) => eventId),
    );
    for (const { recipientAccountId, sourceIpAddress, additionalEventData } of seenByVendor) {
      assert.deepEqual([recipientAccountId, sourceIpAddress], [vendor.accountId, "127.0.0.1"]);
      assert.deepEqual(
        [additionalEventData["keyAccountId"], additionalEventData["keyRevision"]],
        [customer.accountId, undefined],
      );
    }
    const { Principals } = await owner.call("GetKeyUsage", { KeyId: keyId });
    const { Principal } = Principals as { Principal: readonly Readonly<Record<string, unknown>>[] };
    const [user, ...more] = Principal;
    assert.ok(user !== undefined && more.length === 0);
    assert.deepEqual([user["AccountId"], user["AccessKeyId"]], [vendor.accountId, undefined]);

    // Cut off on one node, it is on all of them when the call returns.
    await world.client(customer.credentials, 1).call("SetKeyPolicy", {
      KeyId: keyId,
      Policy: keyPolicy(customer.accountId),
    });
    for (const [index, session] of sessions.entries()) {
      assert.equal(await refusal(session.call("Encrypt", { KeyId: arn, Plaintext: "text" })), NOT_FOUND);
      const CiphertextBlob = blobs[index] ?? "";
      assert.equal(await refusal(session.call("Decrypt", { CiphertextBlob })), NOT_FOUND);
    }
    // Events of one second do not come in an order that all logs share.
    const known = new Set(seenByOwner.map(({ eventId }) => eventId));
    const since = (await eventsAbout(auditor, keyId)).filter(({ eventId }) => !known.has(eventId));
    assert.deepEqual(since.map(({ eventName }) => eventName).toSorted(), ["GetKeyUsage", "SetKeyPolicy"]);
  });

  test("a foreign key and a missing one look the same to every kind of principal without rights", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const { KeyMetadata } = await world.client(one.credentials).call("CreateKey");
    const { KeyId } = KeyMetadata as { KeyId: string };
    const roleArn = await world.createRole(other, "powerful", {
      trust: [trusts({ RAM: `acs:ram::${other.accountId}:root` })],
      statements: [allow("*")],
    });
    const userCredentials = await world.createUser(other, "almighty", [allow("*")]);
    const user = world.client(userCredentials);
    const callers = [
      world.client(other.credentials),
      user,
      world.client(await world.createUser(other, "powerless", [allow("ram:GetUser")])),
      world.client(toCredentials(await assume(user, roleArn))),
    ];
    const arnOf = (id: string) => `acs:kms:cn-hangzhou:${one.accountId}:key/${id}`;
    for (const caller of callers) {
      for (const action of ["Encrypt", "GetKeyPolicy", "SetKeyPolicy", "GenerateDataKey"]) {
        const [foreign, missing] = await Promise.all(
          [KeyId, randomUUID()].map((id) =>
            caller.call(action, { KeyId: arnOf(id), Plaintext: "text", Policy: keyPolicy(one.accountId) }).then(
              () => "no error",
              (error: unknown) => describe(error),
            ),
          ),
        );
        assert.equal(foreign, missing);
        assert.match(foreign ?? "", /KeyNotFound/);
      }
    }
    // Of what they did, the key's account sees nothing; and each event is as that of a missing key.
    const calls = (await world.events()).filter(({ errorCode }) => errorCode === NOT_FOUND);
    assert.equal(calls.length, 2 * 4 * callers.length);
    for (const { additionalEventData, recipientAccountId } of calls) {
      assert.equal(recipientAccountId, other.accountId);
      assert.deepEqual(
        Object.keys(additionalEventData).filter((name) => !COMMON.has(name)),
        [],
      );
    }
  });

  test("a RAM user sets a key's policy if it may, and a change of its rights counts at once on every node", async () => {
    await using world = await StsWorld.start(database);
    const { one } = world;
    const root = world.client(one.credentials);
    const credentials = await world.createUser(one, "keeper", [allow("kms:GetKeyPolicy", "kms:SetKeyPolicy")]);
    const { KeyMetadata } = await root.call("CreateKey");
    const { KeyId } = KeyMetadata as { KeyId: string };
    const keepers = world.nodes.map((_node, index) => world.client(credentials, index));
    for (const keeper of keepers) {
      await keeper.call("SetKeyPolicy", { KeyId, Policy: keyPolicy(one.accountId) });
      assert.equal((await keeper.call("GetKeyPolicy", { KeyId }))["Policy"], keyPolicy(one.accountId));
      assert.equal(await refusal(keeper.call("DisableKey", { KeyId })), "Forbidden.NoPermission");
    }
    await root.call(
      "DetachPolicyFromUser",
      { UserName: "keeper", PolicyName: "for-keeper", PolicyType: "Custom" },
      RAM,
    );
    for (const keeper of keepers) {
      assert.equal(await refusal(keeper.call("GetKeyPolicy", { KeyId })), "Forbidden.NoPermission");
    }
  });
});

/** Members of `additionalEventData` that every call has. */
const COMMON = new Set(["epoch", "mfaPresent", "nonceDigest", "secureTransport", "shard"]);

/** An error without what is new in every answer. */
function describe(error: unknown): string {
  assert.ok(error instanceof Error);
  const { message, ...rest } = error as Error & { requestId?: string };
  const { requestId = "" } = rest;
  return `${message} ${JSON.stringify(rest)}`.replaceAll(requestId === "" ? "none" : requestId, "<request>");
}
