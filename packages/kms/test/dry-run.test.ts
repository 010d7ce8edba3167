import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Authorizer, DryRunError, rootOnly } from "@cinnabar/kernel";
import type { KeyUsage, UsageTally } from "@cinnabar/kms";
import { forEachDatabase } from "@cinnabar/testkit";
import { defaultKeyPolicy } from "../src/policy/key-policy.ts";
import { DAY_MILLIS, World } from "./world.ts";

const SUCCESS = "DryRunOperationError: The request would have succeeded, but the DryRun parameter was set.";
const DENY_ALL =
  '{"Version":"1","Statement":[{"Effect":"Deny","Principal":{"RAM":["acs:ram::*"]},"Action":"kms:*","Resource":"*"}]}';

/** The root, but for who uses a key. */
const withoutUsage: Authorizer = {
  ...rootOnly,
  decide: (context, request) =>
    request.action === "kms:GetKeyUsage"
      ? { allowed: false, gate: "identity", explicit: false }
      : rootOnly.decide(context, request),
};

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const uses = (days: number, count = 1): UsageTally => {
    const lastAt = world.now - days * DAY_MILLIS;
    return { uses: { count, firstAt: 0, lastAt } };
  };
  const today = () => Math.floor(world.now / DAY_MILLIS);

  /** What a key is used for: by two callers of late, and by some that were not seen for long. */
  function someUsage(): KeyUsage {
    const root = { type: "root-account", accountId: "1", principalId: "1" };
    return {
      versions: new Map(),
      contextNames: new Map(),
      otherPrincipals: {},
      otherContextNames: {},
      services: new Map(),
      resources: [],
      otherResources: {},
      unnamedContexts: {},
      report: { text: "{}", hash: "0".repeat(64) },
      operations: new Map([
        ["Encrypt", uses(12, 40)],
        ["Decrypt", uses(3, 9)],
        ["GenerateDataKey", uses(31, 5)],
        ["ReEncryptFrom", { refusals: { count: 2, firstAt: 0, lastAt: world.now } }],
      ]),
      principals: [
        { ...root, accessKeyId: "LTAI5tOld", ...uses(31, 5) },
        { type: "assumed-role", accountId: "1", principalId: "2:s", ...uses(12, 40) },
        { ...root, accessKeyId: "LTAI5tNew", ...uses(3, 9) },
        { type: "ram-user", accountId: "1", principalId: "3", refusals: { count: 2, firstAt: 0, lastAt: world.now } },
      ],
      days: new Map([
        [today() - 31, { uses: 5, refusals: 0 }],
        [today() - 30, { uses: 1000, refusals: 0 }],
        [today() - 29, { uses: 30, refusals: 0 }],
        [today() - 12, { uses: 10, refusals: 0 }],
        [today() - 3, { uses: 9, refusals: 1 }],
      ]),
    };
  }

  async function dryRun(name: string, parameters: Readonly<Record<string, string>>) {
    const { error, noted } = await world.call(name, { ...parameters, DryRun: "true" });
    assert.ok(error instanceof DryRunError, `${error?.code}: ${error?.message}`);
    return { message: `${error.code}: ${error.message}`, detail: error.detail as Record<string, unknown>, noted };
  }

  async function callsOn(key: Readonly<Record<string, string>> = {}) {
    const KeyId = await world.createKey(key);
    const Policy = defaultKeyPolicy(world.accountId).replace("kms default key policy", "another");
    return {
      KeyId,
      DisableKey: { KeyId },
      ScheduleKeyDeletion: { KeyId, PendingWindowInDays: "7" },
      SetKeyPolicy: { KeyId, Policy },
    };
  }

  test("says who used the key in the last 30 days, for what, and how often", async () => {
    world.usage = someUsage();
    const { KeyId, ...calls } = await callsOn();
    for (const [name, parameters] of Object.entries(calls)) {
      const { message, detail, noted } = await dryRun(name, parameters);
      const lastDate = new Date(world.now - 3 * DAY_MILLIS).toISOString().replace(/\.[0-9]+Z$/, "Z");
      assert.ok(
        message.startsWith(
          `${SUCCESS} In the last 30 days the key served 49 calls of 2 callers, the last one at ${lastDate} by Decrypt.`,
        ),
        message,
      );
      assert.equal(message.includes("TryPolicy"), name === "SetKeyPolicy");
      const { Principals, Operations, ...rest } = detail as {
        Principals: { Principal: Record<string, unknown>[]; IsTruncated: boolean };
        Operations: { Operation: Record<string, unknown>[] };
      } & Record<string, unknown>;
      assert.deepEqual([rest["KeyId"], rest["Calls"], Principals.IsTruncated], [KeyId, 49, false]);
      assert.deepEqual(
        Principals.Principal.map(({ AccessKeyId, PrincipalId, LastDate }) => [AccessKeyId ?? PrincipalId, LastDate]),
        [
          ["LTAI5tNew", lastDate],
          ["2:s", new Date(world.now - 12 * DAY_MILLIS).toISOString().replace(/\.[0-9]+Z$/, "Z")],
        ],
      );
      assert.deepEqual(
        Operations.Operation.map(({ Name }) => Name),
        ["Decrypt", "Encrypt"],
      );
      assert.equal(noted["dryRun"], true);
      assert.equal(noted["keyId"], KeyId);
    }
    assert.equal((await world.encrypt({ KeyId, Plaintext: "eA==" })).length > 0, true, "nothing was changed");
    const { Policy } = await world.ok<{ Policy: string }>("GetKeyPolicy", { KeyId });
    assert.match(Policy, /kms default key policy/);
  });

  test("says that nobody used the key, and that more did than are told", async () => {
    world.usage = { ...someUsage(), operations: new Map([["Encrypt", uses(31)]]), principals: [], days: new Map() };
    const { DisableKey } = await callsOn();
    const { message } = await dryRun("DisableKey", DisableKey);
    assert.equal(message, `${SUCCESS} Nobody used the key in the last 30 days.`);
    world.usage = { ...someUsage(), otherPrincipals: uses(1) };
    const { message: more, detail } = await dryRun("DisableKey", DisableKey);
    assert.match(more, /49 calls of more than 2 callers/);
    assert.equal((detail["Principals"] as { IsTruncated: boolean }).IsTruncated, true);
  });

  test("tells nothing of a key's use to whoever may not ask for it", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    // Only of what has a policy a root is asked for rights.
    const Policy = defaultKeyPolicy(own.accountId).replace("kms default key policy", "another");
    await own.ok("SetKeyPolicy", { KeyId, Policy });
    own.authorizer = withoutUsage;
    const { error } = await own.call("DisableKey", { KeyId, DryRun: "true" });
    assert.ok(error instanceof DryRunError);
    assert.match(error.message, /told to whoever has the right kms:GetKeyUsage on it\.$/);
    assert.deepEqual(error.detail, {});
  });

  test("is refused exactly as the call would be", async () => {
    world.usage = someUsage();
    const dry = (name: string, parameters: Readonly<Record<string, string>>) =>
      world.refusal(name, { ...parameters, DryRun: "true" });
    const { KeyId, ...calls } = await callsOn();
    assert.match(await dry("DisableKey", { KeyId: "alias/any" }), /^Unsupported\.Alias/);
    assert.match(
      await dry("SetKeyPolicy", { KeyId, Policy: DENY_ALL }),
      /^(?:InvalidParameter|Rejected\.PolicyLockout)/,
    );
    assert.match(await dry("DeleteKeyMaterial", { KeyId }), /^Unsupported\.Origin/);
    world.isReviewRequired = true;
    assert.match(await dry("ScheduleKeyDeletion", calls.ScheduleKeyDeletion), /^Rejected\.UsageNotReviewed/);
    const reviewed = { ...calls.ScheduleKeyDeletion, UsageReportHash: world.usage.report.hash };
    assert.match(await dry("ScheduleKeyDeletion", reviewed), /^DryRunOperationError/);
    world.isReviewRequired = false;
    await world.ok("SetDeletionProtection", { KeyId, EnableDeletionProtection: "true" });
    assert.match(await dry("ScheduleKeyDeletion", calls.ScheduleKeyDeletion), /^Rejected\.StateModifiedFailed/);
    await world.ok("SetDeletionProtection", { KeyId, EnableDeletionProtection: "false" });
    await world.ok("ScheduleKeyDeletion", calls.ScheduleKeyDeletion);
    assert.match(await dry("DisableKey", { KeyId }), /^Rejected\.StateModifiedFailed/);
    assert.match(await dry("ScheduleKeyDeletion", calls.ScheduleKeyDeletion), /^Rejected\.StateModifiedFailed/);
    const rotation = { KeyId, EnableAutomaticRotation: "true", RotationInterval: "30d" };
    assert.match(await dry("UpdateRotationPolicy", rotation), /^Rejected\.PendingDeletion/);
    assert.match(
      await dry("Encrypt", { KeyId, Plaintext: "eA==" }),
      /^ValidationError: The request would be refused\. Rejected\.PendingDeletion: /,
    );
    assert.match(await dry("Encrypt", { KeyId }), /^ValidationError: .* MissingParameter: .*"Plaintext"/);
    assert.match(
      await dry("Encrypt", { KeyId: "none", Plaintext: "eA==" }),
      /^ValidationError: .*Forbidden\.KeyNotFound/,
    );
    await world.ok("CancelKeyDeletion", { KeyId });
    assert.equal(await dry("UpdateRotationPolicy", rotation), SUCCESS);
    assert.equal(await dry("Encrypt", { KeyId, Plaintext: "eA==" }), SUCCESS);
    const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
    assert.equal(KeyMetadata["AutomaticRotation"], "Disabled");
    const { noted } = await world.call("DisableKey", { KeyId: "alias/any", DryRun: "true" });
    assert.equal(noted["dryRun"], true, "the event says so of one that is refused too");
  });

  test("imported material stays until it is really deleted", async () => {
    world.usage = someUsage();
    const KeyId = await world.createKey({ Origin: "EXTERNAL" });
    const { message } = await dryRun("DeleteKeyMaterial", { KeyId });
    assert.match(message, /served 49 calls of 2 callers/);
  });

  test("has nothing done first that the call would need: neither messages nor a service's key", async () => {
    const counted = await world.createKey({ KeySpec: "Aliyun_AES_128" });
    const already = world.prepared.length;
    assert.equal(await world.refusal("Encrypt", { KeyId: counted, Plaintext: "eA==", DryRun: "true" }), SUCCESS);
    assert.equal(world.prepared.length, already);
    const service = {
      type: "service",
      serviceName: "oss",
      accountId: await world.addAccount(),
      accessKeyId: "LTAI5tService",
      arn: "acs:ram::1:service/oss",
    } as const;
    const alias = `acs:kms:cn-hangzhou:${world.accountId}:alias/acs/oss`;
    const parameters = { KeyId: alias, Plaintext: "eA==", DryRun: "true" };
    assert.match(
      await world.refusal("Encrypt", parameters, { by: service }),
      /^ValidationError: .* Forbidden\.AliasNotFound/,
    );
    assert.equal(world.prepared.length, already);
  });
});
