import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AccessDeniedError,
  type AccountId,
  type InstanceId,
  newAccountId,
  newInstanceId,
  type Principal,
} from "@cinnabar/kernel";
import { changeShare } from "@cinnabar/kms";
import { forEachDatabase, PolicyAuthorizer } from "@cinnabar/testkit";
import type { Instance } from "../src/instance/instance.ts";
import { insertInstance, instanceKind } from "../src/instance/instance-repository.ts";
import { type Caller, DAY_MILLIS, World } from "./world.ts";

const FIVE_MINUTES = 5 * 60 * 1000;
const NETWORK = {
  KMProvider: "Aliyun",
  VpcId: "vpc-1",
  ZoneIds: "cn-hangzhou-k,cn-hangzhou-j",
  VSwitchIds: "vsw-1",
};

type Call = readonly [operation: string, parameters: Readonly<Record<string, string>>];
type Metadata = { readonly KeyMetadata: Readonly<Record<string, string>> };
type Quotas = { readonly KmsInstanceQuotaInfos: readonly { readonly UsedQuantity: number }[] };

forEachDatabase((database) => {
  test("a key of an instance has ids of its own, and does what other keys do", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    const { KeyMetadata: key } = await world.ok<Metadata>("CreateKey", { DKMSInstanceId: id });
    const { KeyId = "", PrimaryKeyVersion = "" } = key;
    assert.match(KeyId, /^key-[a-z0-9]{21}$/);
    assert.match(PrimaryKeyVersion, new RegExp(`^${KeyId}-[a-z0-9]{10}$`));
    assert.equal(PrimaryKeyVersion.length, 36);
    assert.equal(key["DKMSInstanceId"], id);
    assert.equal(key["ProtectionLevel"], "SOFTWARE");
    const described = await world.ok<Metadata>("DescribeKey", { KeyId });
    assert.equal(described.KeyMetadata["DKMSInstanceId"], id);

    const CiphertextBlob = await world.encrypt({ KeyId, Plaintext: "text" });
    await world.ok("CreateKeyVersion", { KeyId });
    const rotated = await world.ok<Metadata>("DescribeKey", { KeyId });
    assert.notEqual(rotated.KeyMetadata["PrimaryKeyVersion"], PrimaryKeyVersion);
    assert.match(rotated.KeyMetadata["PrimaryKeyVersion"] ?? "", new RegExp(`^${KeyId}-[a-z0-9]{10}$`));
    const opened = await world.ok<Record<string, string>>("Decrypt", { CiphertextBlob });
    assert.deepEqual(
      { plaintext: opened["Plaintext"], version: opened["KeyVersionId"] },
      { plaintext: "text", version: PrimaryKeyVersion },
    );
  });

  test("ProtectionLevel means nothing beside an instance, which has one of its own", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    const made = await world.ok<Metadata>("CreateKey", { DKMSInstanceId: id, ProtectionLevel: "HSM" });
    assert.equal(made.KeyMetadata["ProtectionLevel"], "SOFTWARE");
    // There cannot be one before an HSM is configured: if there is, its keys are not made in software.
    const hardware = await addInstance(world, { type: "hardware" });
    assert.match(await world.refusal("CreateKey", { DKMSInstanceId: hardware }), /^Unsupported\.ProtectionLevel/);
  });

  test("ListKeys tells keys by their instances", async () => {
    await using world = await World.open(database);
    const [one, other] = [await addInstance(world), await addInstance(world)];
    const keys = {
      none: await world.createKey(),
      one: await world.createKey({ DKMSInstanceId: one }),
      other: await world.createKey({ DKMSInstanceId: other }),
    };
    const listed = async (...Values: string[]) => {
      const Filters = JSON.stringify([{ Key: "DKMSInstanceId", Values }]);
      const { Keys } = await world.ok<{ Keys: { Key: { KeyId: string }[] } }>("ListKeys", { Filters });
      return Keys.Key.map(({ KeyId }) => KeyId).toSorted();
    };
    assert.deepEqual(await listed(one), [keys.one]);
    assert.deepEqual(await listed(one, other), [keys.one, keys.other].toSorted());
    assert.deepEqual(await listed(""), [keys.none]);
    assert.deepEqual(await listed("", other), [keys.none, keys.other].toSorted());
    assert.deepEqual(await listed(newInstanceId()), []);
  });

  test("an instance holds as many keys as its quota says, each version counted, and room comes back", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world, { quotas: { keys: 3 } });
    const used = async () => (await quota(world, id, "key")).UsedQuantity;
    const KeyId = await world.createKey({ DKMSInstanceId: id });
    await world.ok("CreateKeyVersion", { KeyId });
    assert.equal(await used(), 2);
    const last = await world.createKey({ DKMSInstanceId: id });
    for (const refused of [
      await world.refusal("CreateKey", { DKMSInstanceId: id }),
      await world.refusal("CreateKeyVersion", { KeyId }),
    ]) {
      assert.match(refused, /^Rejected\.LimitExceeded: .* holds 3 keys, counting each of their versions\.$/);
    }
    await world.createKey();
    await world.ok("ScheduleKeyDeletion", { KeyId: last, PendingWindowInDays: "7" });
    assert.match(await world.refusal("CreateKey", { DKMSInstanceId: id }), /^Rejected\.LimitExceeded/);
    const before = await world.call("GetKmsInstanceQuotaInfos", { KmsInstanceId: id, ResourceType: "key" });
    assert.ok(before.until <= world.now + 7 * DAY_MILLIS, "the answer holds until the deletion");
    world.now += 7 * DAY_MILLIS;
    assert.equal(await used(), 2);
    await world.createKey({ DKMSInstanceId: id });
  });

  test("GetKmsInstance tells an instance as clients read it", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world, { name: "payments" });
    const { KmsInstance } = await world.ok<{ KmsInstance: Record<string, unknown> }>("GetKmsInstance", {
      KmsInstanceId: id,
    });
    assert.deepEqual(KmsInstance, {
      InstanceId: id,
      InstanceName: "payments",
      Status: "Connected",
      CreateTime: "2026-01-02T03:04:05Z",
      StartDate: "2026-01-02T03:04:05Z",
      EndDate: "",
      ChargeType: "POSTPAY",
      SaleStatus: "Normal",
      ProductType: "kms_ddi_public_cn",
      ProductVersion: "3",
      KeyNum: 1000,
      SecretNum: "1000",
      Spec: 1000,
      VpcNum: 3,
      Log: 0,
      LogStorage: 0,
      VpcId: "",
      ZoneIds: [],
      VswitchIds: [],
      BindVpcs: { BindVpc: [] },
      CaCertificateChainPem: "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n",
      DeletionProtection: false,
      DeletionProtectionDescription: "",
    });
    await world.ok("UpdateKmsInstance", { KmsInstanceId: id, InstanceName: "other" });
    const renamed = await world.ok<{ KmsInstance: Record<string, unknown> }>("GetKmsInstance", { KmsInstanceId: id });
    assert.equal(renamed.KmsInstance["InstanceName"], "other");
  });

  test("an instance that is not connected holds nothing, and is connected once", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world, { state: "Uninitialized", connectedAt: undefined });
    assert.match(await world.refusal("CreateKey", { DKMSInstanceId: id }), /^Rejected\.Uninitialized/);
    // One vSwitch may do for both zones.
    const twice = await addInstance(world, { state: "Uninitialized", connectedAt: undefined });
    await world.ok("ConnectKmsInstance", { KmsInstanceId: twice, ...NETWORK, VSwitchIds: "vsw-1,vsw-1" });
    await world.ok("ConnectKmsInstance", { KmsInstanceId: id, ...NETWORK });
    await world.createKey({ DKMSInstanceId: id });
    // The same again changes nothing; another network is refused for good.
    await world.ok("ConnectKmsInstance", { KmsInstanceId: id, ...NETWORK });
    const moved = await world.refusal("ConnectKmsInstance", { KmsInstanceId: id, ...NETWORK, VpcId: "vpc-2" });
    assert.match(moved, /^Forbidden\.DKMSInstanceStateInvalid/);
    const { KmsInstance } = await world.ok<{ KmsInstance: Record<string, unknown> }>("GetKmsInstance", {
      KmsInstanceId: id,
    });
    assert.equal(KmsInstance["Status"], "Connected");
    assert.equal(KmsInstance["VpcId"], "vpc-1");
    assert.deepEqual(KmsInstance["ZoneIds"], ["cn-hangzhou-k", "cn-hangzhou-j"]);
    assert.deepEqual(KmsInstance["VswitchIds"], ["vsw-1"]);
    for (const bad of [{ ZoneIds: "cn-hangzhou-k" }, { ZoneIds: "a,a" }, { VSwitchIds: "a,b,c" }, { VpcId: "a b" }]) {
      const refused = await world.refusal("ConnectKmsInstance", { KmsInstanceId: id, ...NETWORK, ...bad });
      assert.match(refused, new RegExp(`^InvalidParameter: .*"${Object.keys(bad)[0]}"`));
    }
  });

  test("an account that policies let in counts once in an instance, and five minutes longer; so do VPCs", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    const [a, b, c, d] = [newAccountId(), newAccountId(), newAccountId(), newAccountId()];
    const key = await world.createKey({ DKMSInstanceId: id, Policy: policyOf(world.accountId, a, b) });
    const other = await world.createKey({ DKMSInstanceId: id, Policy: policyOf(world.accountId, b) });
    const used = async () => (await quota(world, id, "vpc")).UsedQuantity;
    assert.equal(await used(), 2);
    await world.ok("UpdateKmsInstanceBindVpc", { KmsInstanceId: id, BindVpcs: vpcs("vpc-1") });
    assert.equal(await used(), 3);

    const FULL = /^Rejected\.ShareQuotaExceedLimit: Instance Share Quota Exceed Limit\./;
    assert.match(await world.refusal("SetKeyPolicy", { KeyId: other, Policy: policyOf(world.accountId, c) }), FULL);
    assert.match(await world.refusal("CreateKey", { DKMSInstanceId: id, Policy: policyOf(world.accountId, c) }), FULL);
    assert.match(
      await world.refusal("UpdateKmsInstanceBindVpc", { KmsInstanceId: id, BindVpcs: vpcs("vpc-1", "vpc-2") }),
      FULL,
    );
    // Who counts already takes no further place, and a Deny takes none at all.
    await world.ok("SetKeyPolicy", { KeyId: other, Policy: policyOf(world.accountId, a, b) });
    await world.ok("SetKeyPolicy", { KeyId: other, Policy: policyOf(world.accountId, b) });
    // a is out of both, and counts for five minutes more.
    await world.ok("SetKeyPolicy", { KeyId: key, Policy: policyOf(world.accountId, b) });
    const revokedAt = world.now;
    world.now = revokedAt + FIVE_MINUTES - 1;
    assert.match(await world.refusal("SetKeyPolicy", { KeyId: other, Policy: policyOf(world.accountId, c) }), FULL);
    const held = await world.call("GetKmsInstanceQuotaInfos", { KmsInstanceId: id, ResourceType: "vpc" });
    assert.equal(held.until, revokedAt + FIVE_MINUTES);
    world.now = revokedAt + FIVE_MINUTES;
    assert.equal(await used(), 2);
    await world.ok("SetKeyPolicy", { KeyId: other, Policy: policyOf(world.accountId, c) });
    assert.equal(await used(), 3);
    assert.match(await world.refusal("SetKeyPolicy", { KeyId: other, Policy: policyOf(world.accountId, c, d) }), FULL);
    // The built-in instance has no such quota.
    await world.createKey({ Policy: policyOf(world.accountId, a, b, c, d) });
  });

  test("whom a guest lets in takes no place of the owner's, and the guest's own is free five minutes after its share", async () => {
    await using world = await World.open(database);
    world.authorizer = new PolicyAuthorizer();
    const id = await addInstance(world, { quotas: { access: 2 } });
    const [guest, next] = [await world.addAccount(), await world.addAccount()];
    const [a, b, c] = [newAccountId(), newAccountId(), newAccountId()];
    const used = async () => (await quota(world, id, "vpc")).UsedQuantity;
    const made = { DKMSInstanceId: id, Policy: policyOf(guest, a, b) };
    await share(world, id, [guest]);
    const { KeyMetadata } = await world.ok<Metadata>("CreateKey", made, { as: guest });
    const { KeyId = "" } = KeyMetadata;
    assert.equal(await used(), 1);
    await world.ok("SetKeyPolicy", { KeyId, Policy: policyOf(guest, a, b, c) }, { as: guest });
    assert.equal(await used(), 1);
    // So there is room for one of the owner's choice, who counts once.
    await world.createKey({ DKMSInstanceId: id, Policy: policyOf(world.accountId, a) });
    assert.equal(await used(), 2);

    await share(world, id, []);
    const endedAt = world.now;
    world.now = endedAt + FIVE_MINUTES - 1;
    assert.equal(await used(), 2);
    await assert.rejects(share(world, id, [next]), { code: "QuotaExceeded.SharedResource.Count" });
    world.now = endedAt + FIVE_MINUTES;
    assert.equal(await used(), 1);
    await share(world, id, [next]);
    assert.equal(await used(), 2);
  });

  test("a key that a guest made is the guest's and the instance's owner's, whomever its policy names", async () => {
    await using world = await World.open(database);
    const authorizer = new PolicyAuthorizer();
    world.authorizer = authorizer;
    const id = await addInstance(world);
    const guest = await world.addAccount();
    await share(world, id, [guest]);
    const alone = { DKMSInstanceId: id, Policy: policyOf(guest) };
    const { KeyMetadata } = await world.ok<Metadata>("CreateKey", alone, { as: guest });
    const { KeyId = "", Arn: arn = "" } = KeyMetadata;
    const { CiphertextBlob = "" } = await world.ok<Record<string, string>>(
      "Encrypt",
      { KeyId, Plaintext: "text" },
      { as: guest },
    );
    const tags = { RegionId: "cn-hangzhou", ResourceType: "key", "ResourceId.1": KeyId };
    const own = await world.createKey();
    const alice = aliceOf(world.accountId);
    const mayUse = async (caller: Caller, expected: string): Promise<void> => {
      for (const [name, wire] of [
        ["Encrypt", { KeyId, Plaintext: "text" }],
        ["Decrypt", { CiphertextBlob }],
        ["ListTagResources", tags],
      ] as const) {
        const { error, noted, resource } = await world.call(name, wire, caller);
        // Nor does the event of a refused call say anything of a key that is another account's.
        if (error !== undefined) assert.deepEqual([noted, resource], [{}, undefined], name);
        assert.equal(
          error?.code ?? "ok",
          name === "ListTagResources" ? expected.replace(/^Forbidden.*/, HIDDEN) : expected,
        );
      }
    };
    const HIDDEN = "InvalidResourceId.NotFound";
    const GONE = "Forbidden.KeyNotFound";
    for (const sharedWith of [[guest], []]) {
      await share(world, id, sharedWith);
      await mayUse({}, "ok");
      await mayUse({ as: await world.addAccount() }, GONE);
      await mayUse({ by: alice }, GONE);
    }
    await share(world, id, [guest]);
    // A policy of the guest's gives the owner's users nothing by itself, and one of the owner's is enough.
    await world.ok("SetKeyPolicy", { KeyId, Policy: policyOf(guest, world.accountId) }, { as: guest });
    await mayUse({ by: alice }, GONE);
    await world.ok("SetKeyPolicy", { KeyId, Policy: policyOf(guest) });
    authorizer.grant(
      { accountId: world.accountId, kind: "user", name: "alice" },
      { Effect: "Allow", Action: "kms:*", Resource: arn },
    );
    await mayUse({ by: alice }, "ok");
    for (const [name, wire] of [
      ["DescribeKey", { KeyId }],
      ["GetKeyPolicy", { KeyId }],
      ["DisableKey", { KeyId }],
      ["EnableKey", { KeyId }],
      ["CreateKeyVersion", { KeyId }],
      ["ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }],
      ["CancelKeyDeletion", { KeyId }],
    ] as const) {
      await world.ok(name, wire);
    }

    // Tags are the key's, whoever gives them.
    const tagged = await world.call("TagResources", {
      ...tags,
      "ResourceId.2": own,
      "Tag.1.Key": "team",
      "Tag.1.Value": "a",
    });
    assert.equal(tagged.error, undefined);
    assert.deepEqual(
      (tagged.noted["keys"] as Readonly<Record<string, unknown>>[]).map((key) => [key["keyId"], key["keyAccountId"]]),
      [
        [KeyId, guest],
        [own, undefined],
      ],
    );
    const listed = async (caller: Caller, wire: Readonly<Record<string, string>>) =>
      (
        await world.ok<{ TagResources: { TagResource: { ResourceId: string; TagValue: string }[] } }>(
          "ListTagResources",
          { RegionId: "cn-hangzhou", ResourceType: "key", ...wire },
          caller,
        )
      ).TagResources.TagResource.map(({ ResourceId, TagValue }) => `${ResourceId} ${TagValue}`);
    const byTag = { "ResourceId.1": KeyId, "Tag.1.Key": "team", "Tag.1.Value": "a" };
    assert.deepEqual(await listed({}, byTag), [`${KeyId} a`]);
    assert.deepEqual(await listed({ as: guest }, {}), [`${KeyId} a`]);
    assert.deepEqual(await listed({}, {}), [`${own} a`], "all of its own are those that it made");
    await world.ok("UntagResources", { ...tags, All: "true" });
    assert.deepEqual(await listed({ as: guest }, {}), []);

    // Each account has aliases of its own for it.
    const alias = { AliasName: "alias/theirs", KeyId };
    await world.ok("CreateAlias", alias);
    await world.ok("CreateAlias", alias, { as: guest });
    await world.ok("CreateAlias", { AliasName: "alias/moved", KeyId: own });
    await world.ok("UpdateAlias", { AliasName: "alias/moved", KeyId });
    for (const [named, caller, whose] of [
      ["alias/theirs", {}, world.accountId],
      [`acs:kms:cn-hangzhou:${world.accountId}:alias/theirs`, {}, world.accountId],
      ["alias/theirs", { as: guest }, undefined],
    ] as const) {
      const { error, noted } = await world.call("Encrypt", { KeyId: named, Plaintext: "text" }, caller);
      assert.deepEqual([error, noted["alias"], noted["aliasAccountId"]], [undefined, "alias/theirs", whose]);
    }
    const names = async (name: string, wire: Readonly<Record<string, string>>, caller?: Caller) =>
      (await world.ok<{ Aliases: { Alias: { AliasArn: string }[] } }>(name, wire, caller)).Aliases.Alias.map(
        ({ AliasArn }) => AliasArn,
      );
    const arnsOf = (account: string, ...all: string[]) =>
      all.map((name) => `acs:kms:cn-hangzhou:${account}:alias/${name}`);
    for (const [name, wire] of [
      ["ListAliases", {}],
      ["ListAliasesByKeyId", { KeyId }],
    ] as const) {
      assert.deepEqual((await names(name, wire)).toSorted(), arnsOf(world.accountId, "moved", "theirs"));
      assert.deepEqual(await names(name, wire, { as: guest }), arnsOf(guest, "theirs"));
    }
    // What the guest denies is denied, but not to take back a name of the owner's own.
    await world.ok("SetKeyPolicy", { KeyId, Policy: denying(world.accountId, guest) }, { as: guest });
    await mayUse({}, GONE);
    await mayUse({ by: alice }, GONE);
    await world.ok("UpdateAlias", { AliasName: "alias/moved", KeyId: own });
    await world.ok("DeleteAlias", { AliasName: "alias/theirs" });
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }, { as: guest });
    await world.ok("UpdateAlias", { AliasName: "alias/moved", KeyId: own });
    assert.deepEqual(await names("ListAliases", {}), arnsOf(world.accountId, "moved"));
  });

  test("an alias for a guest's key is gone from lists when the key is", async () => {
    await using world = await World.open(database);
    world.authorizer = new PolicyAuthorizer();
    const id = await addInstance(world);
    const guest = await world.addAccount();
    await share(world, id, [guest]);
    const { KeyMetadata } = await world.ok<Metadata>("CreateKey", { DKMSInstanceId: id }, { as: guest });
    const { KeyId = "" } = KeyMetadata;
    await world.ok("CreateAlias", { AliasName: "alias/theirs", KeyId });
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    const list = () => world.call("ListAliases");
    const before = await list();
    const { until: dueAt } = before;
    assert.equal(before.result?.["TotalCount"], 1);
    assert.ok(dueAt <= world.now + 7 * DAY_MILLIS, "the answer holds until the deletion");
    world.now = dueAt;
    const after = await list();
    assert.deepEqual([after.result?.["TotalCount"], after.from], [0, dueAt]);
  });

  test("what guests left behind the owner may look at and delete whatever its policy denies, and do no more", async () => {
    await using world = await World.open(database);
    const authorizer = new PolicyAuthorizer();
    world.authorizer = authorizer;
    // Who deletes a key that it was never told the use of has nothing to review.
    world.isReviewRequired = true;
    const id = await addInstance(world);
    const [guest, stranger] = [await world.addAccount(), await world.addAccount()];
    await share(world, id, [guest]);
    const made = { DKMSInstanceId: id, Policy: denying(world.accountId, guest, stranger) };
    const { KeyMetadata } = await world.ok<Metadata>("CreateKey", made, { as: guest });
    const { KeyId = "", Arn: arn = "" } = KeyMetadata;
    await world.ok("SetDeletionProtection", { KeyId, EnableDeletionProtection: "true" }, { as: guest });
    const { CiphertextBlob = "" } = await world.ok<Record<string, string>>(
      "Encrypt",
      { KeyId, Plaintext: "text" },
      { as: guest },
    );
    const schedule = ["ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }] as const;
    const unprotect = ["SetDeletionProtection", { KeyId, EnableDeletionProtection: "false" }] as const;
    const cancel = ["CancelKeyDeletion", { KeyId }] as const;
    const clearing = [["DescribeKey", { KeyId }] as const, unprotect, schedule, cancel];
    const others = [
      ["Encrypt", { KeyId, Plaintext: "text" }],
      ["Decrypt", { CiphertextBlob }],
      ["DisableKey", { KeyId }],
      ["GetKeyPolicy", { KeyId }],
      ["SetKeyPolicy", { KeyId, Policy: policyOf(guest, world.accountId) }],
      ["GetKeyUsage", { KeyId }],
    ] as const;
    const alice = aliceOf(world.accountId);
    const refused = async (calls: readonly Call[], by?: Caller) =>
      Promise.all(calls.map(async ([name, wire]) => (await world.call(name, wire, by)).error?.code ?? "none"));
    const all = (calls: readonly Call[], code: string) => calls.map(() => code);
    const gone = "Forbidden.KeyNotFound";

    // As long as the instance is shared, what the key's policy denies is denied.
    assert.deepEqual(await refused([...clearing, ...others]), all([...clearing, ...others], gone));
    await share(world, id, []);
    const release = () => world.refusal("ReleaseKmsInstance", { KmsInstanceId: id });
    assert.match(await release(), / The instance holds 1 key, 1 of which other accounts left behind: ListKeys with /);
    for (const by of [{ as: stranger }, { by: alice }]) {
      const code = "as" in by ? gone : "Forbidden.NoPermission";
      assert.deepEqual(await refused(clearing, by), all(clearing, code));
    }
    assert.deepEqual(await refused(clearing, { as: guest }), all(clearing, "Forbidden.NoPermission"));
    for (const [name, wire] of [...clearing, ...others]) {
      const { error } = await world.call(name, wire, { as: guest });
      assert.deepEqual(ruleOf(error), { AuthAction: `kms:${name}`, resource: arn, gate: "rule" });
    }
    assert.deepEqual(await refused(others), all(others, gone));
    assert.match(await world.refusal(...schedule), /^Rejected\./, "the guest protected it");
    const { noted } = await world.call(...unprotect);
    assert.deepEqual([noted["keyId"], noted["keyAccountId"]], [KeyId, guest], "the guest's trail has it too");
    // A user of the owner's needs a right by a policy of the owner's, on the key as it is.
    const right = { Effect: "Allow", Action: "kms:ScheduleKeyDeletion", Resource: arn };
    authorizer.grant({ accountId: world.accountId, kind: "user", name: "alice" }, right);
    await world.ok(...schedule, { by: alice });
    await world.ok(...cancel);
    await world.ok(...schedule);
    assert.deepEqual(await refused([cancel], { as: guest }), ["Forbidden.NoPermission"]);
    const described = await world.ok<Metadata>("DescribeKey", { KeyId });
    assert.equal(described.KeyMetadata["KeyState"], "PendingDeletion");
    // Shared again, it is the guest's as before.
    await share(world, id, [guest]);
    assert.deepEqual(await refused(clearing), all(clearing, gone));
    await world.ok(...cancel, { as: guest });
  });

  test("who loses a key with its instance may take its aliases away, and give them to another key", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    const guest = await world.addAccount();
    await share(world, id, [guest]);
    const by = { as: guest };
    const { KeyMetadata } = await world.ok<Metadata>("CreateKey", { DKMSInstanceId: id }, by);
    const { KeyId = "" } = KeyMetadata;
    for (const AliasName of ["alias/moves", "alias/goes"]) await world.ok("CreateAlias", { AliasName, KeyId }, by);
    await share(world, id, []);
    assert.match(await world.refusal("CreateAlias", { AliasName: "alias/new", KeyId }, by), /^Forbidden\.NoPermission/);
    const { KeyMetadata: next } = await world.ok<Metadata>("CreateKey", {}, by);
    await world.ok("UpdateAlias", { AliasName: "alias/moves", KeyId: next["KeyId"] ?? "" }, by);
    await world.ok("Encrypt", { KeyId: "alias/moves", Plaintext: "text" }, by);
    await world.ok("DeleteAlias", { AliasName: "alias/goes" }, by);
    const back = await world.refusal("UpdateAlias", { AliasName: "alias/moves", KeyId }, by);
    assert.match(back, /^Forbidden\.NoPermission: The key is in the KMS instance /);
  });

  test("an instance is released once it holds nothing, is not shared and not protected", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    const KeyId = await world.createKey({ DKMSInstanceId: id });
    const INVALID = /^Forbidden\.DKMSInstanceStateInvalid: The DKMS instance state is invalid\. The instance /;
    const release = () => world.refusal("ReleaseKmsInstance", { KmsInstanceId: id, ForceDeleteWithoutBackup: "true" });
    assert.match(await release(), new RegExp(`${INVALID.source}holds 1 key: ListKeys `));
    await world.tamper(async (db) => {
      await db.deleteFrom("key_version").execute();
      await db.deleteFrom("kms_key").where("id", "=", KeyId).execute();
    });
    await world.ok("SetDeletionProtection", { KmsInstanceId: id, EnableDeletionProtection: "true" });
    assert.match(await release(), new RegExp(`${INVALID.source}is protected`));
    await world.ok("SetDeletionProtection", { KmsInstanceId: id, EnableDeletionProtection: "false" });
    await share(world, id, [newAccountId()]);
    assert.match(await release(), new RegExp(`${INVALID.source}is shared`));
    await share(world, id, []);
    assert.equal(await release(), "no error");
    assert.match(await world.refusal("GetKmsInstance", { KmsInstanceId: id }), /^Forbidden\.DKMSInstanceNotFound/);
  });

  test("to strangers an instance does not exist, and an account that it is shared with may look, not manage", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    const [guest, stranger] = [await world.addAccount(), await world.addAccount()];
    await share(world, id, [guest]);
    const list = async (as: AccountId) =>
      (await world.ok<{ KmsInstances: { KmsInstance: { KmsInstanceArn: string }[] } }>("ListKmsInstances", {}, { as }))
        .KmsInstances.KmsInstance;
    const arn = `acs:kms:cn-hangzhou:${world.accountId}:keystore/${id}`;
    assert.deepEqual(await list(guest), [{ KmsInstanceId: id, KmsInstanceArn: arn }]);
    assert.deepEqual(await list(stranger), []);
    const calls = {
      UpdateKmsInstance: { InstanceName: "mine" },
      ConnectKmsInstance: NETWORK,
      UpdateKmsInstanceBindVpc: { BindVpcs: "[]" },
      ReleaseKmsInstance: {},
      SetDeletionProtection: { EnableDeletionProtection: "true" },
    };
    for (const [name, wire] of Object.entries(calls)) {
      const parameters = { KmsInstanceId: id, ...wire };
      const { error } = await world.call(name, parameters, { as: guest });
      assert.equal(error?.code, "Forbidden.NoPermission", name);
      assert.deepEqual(ruleOf(error), { AuthAction: `kms:${name}`, resource: arn, gate: "rule" });
      assert.match(await world.refusal(name, parameters, { as: stranger }), /^Forbidden\.DKMSInstanceNotFound/, name);
    }
    for (const name of ["GetKmsInstance", "GetKmsInstanceQuotaInfos"]) {
      assert.equal(await world.refusal(name, { KmsInstanceId: id }, { as: guest }), "no error");
      const refused = await world.refusal(name, { KmsInstanceId: id }, { as: stranger });
      const nowhere = await world.refusal(name, { KmsInstanceId: newInstanceId() }, { as: stranger });
      assert.equal(refused, nowhere);
      assert.match(refused, /^Forbidden\.DKMSInstanceNotFound/);
    }
    const refused = await world.refusal("CreateKey", { DKMSInstanceId: id }, { as: stranger });
    assert.match(refused, /^Forbidden\.DKMSInstanceNotFound/);
  });

  test("the default instance is told, and stands where none is named", async () => {
    await using world = await World.open(database);
    assert.match(await world.refusal("GetDefaultKmsInstance"), /^Forbidden\.DKMSInstanceNotFound/);
    assert.match(await world.refusal("GetKmsInstanceQuotaInfos"), /^MissingParameter: .*"KmsInstanceId"/);
    const id = await addInstance(world, { isDefault: true });
    await addInstance(world);
    assert.deepEqual(await world.ok("GetDefaultKmsInstance"), { DefaultKmsInstanceId: id });
    const { KmsInstanceQuotaInfos } = await world.ok<Quotas>("GetKmsInstanceQuotaInfos");
    assert.deepEqual(KmsInstanceQuotaInfos, [
      { ResourceType: "key", ResourceQuota: 1000, UsedQuantity: 0 },
      { ResourceType: "secret", ResourceQuota: 1000, UsedQuantity: 0 },
      { ResourceType: "qps", ResourceQuota: 1000, UsedQuantity: 0 },
      { ResourceType: "vpc", ResourceQuota: 3, UsedQuantity: 0 },
    ]);
  });

  test("an instance's row is not believed if it was changed behind the server's back", async () => {
    await using world = await World.open(database);
    const id = await addInstance(world);
    await world.tamper((db) =>
      db
        .updateTable("kms_instance" as "kms_key")
        .set({ account_id: newAccountId() })
        .where("id", "=", id)
        .execute(),
    );
    await assert.rejects(world.call("CreateKey", { DKMSInstanceId: id }), { name: "TamperedRowError" });
  });
});

/** What a refusal says that no policy could have averted. */
function ruleOf(error: unknown): object | undefined {
  if (!(error instanceof AccessDeniedError)) return undefined;
  const { AuthAction, resource, gate } = error.detail;
  return { AuthAction, resource, gate };
}

async function addInstance(
  world: World,
  { quotas, ...more }: Partial<Omit<Instance, "quotas">> & { readonly quotas?: Partial<Instance["quotas"]> } = {},
): Promise<InstanceId> {
  const id = newInstanceId();
  await world.write((context) => [
    insertInstance(context, {
      id,
      accountId: world.accountId,
      type: "software",
      state: "Connected",
      name: id,
      createdAt: world.now,
      connectedAt: world.now,
      network: undefined,
      boundVpcs: [],
      isDefault: false,
      deletionProtection: undefined,
      ...more,
      quotas: { keys: 1000, secrets: 1000, qps: 1000, access: 3, ...quotas },
    }),
  ]);
  return id;
}

async function share(world: World, id: InstanceId, accountIds: readonly string[]): Promise<void> {
  await world.write(async (context) => {
    const instance = await context.find(instanceKind, id);
    assert.ok(instance !== undefined);
    const options = { id: "rs-abcdefghijkl", accountIds, refusedAs: "QuotaExceeded.SharedResource.Count" } as const;
    return (await changeShare(context, instance, options)).changes;
  });
}

async function quota(world: World, id: InstanceId, ResourceType: string) {
  const { KmsInstanceQuotaInfos } = await world.ok<Quotas>("GetKmsInstanceQuotaInfos", {
    KmsInstanceId: id,
    ResourceType,
  });
  const [info] = KmsInstanceQuotaInfos;
  assert.ok(info !== undefined);
  return info;
}

function aliceOf(accountId: string): Principal {
  return {
    type: "ram-user",
    accountId,
    accessKeyId: "LTAI5tUser",
    arn: `acs:ram::${accountId}:user/alice`,
    userId: "2alice",
    userName: "alice",
  };
}

/** As {@link policyOf}, and denies all members of an account everything. */
function denying(denied: string, ...admitted: readonly [string, ...string[]]): string {
  const { Statement, ...rest } = JSON.parse(policyOf(...admitted)) as { readonly Statement: readonly object[] };
  const deny = { Effect: "Deny", Principal: { RAM: [`acs:ram::${denied}:*`] }, Action: ["kms:*"], Resource: ["*"] };
  return JSON.stringify({ ...rest, Statement: [...Statement, deny] });
}

/** Lets in the root of the first account and, beside it, users of the others; the last one is denied something too. */
function policyOf(owner: string, ...others: readonly string[]): string {
  const statement = (Effect: "Allow" | "Deny", RAM: readonly string[]) => ({
    Effect,
    Principal: { RAM },
    Action: ["kms:*"],
    Resource: ["*"],
  });
  return JSON.stringify({
    Version: "1",
    Statement: [
      statement("Allow", [`acs:ram::${owner}:*`, ...others.map((account) => `acs:ram::${account}:user/alice`)]),
      statement("Deny", [`acs:ram::${newAccountId()}:user/mallory`]),
    ],
  });
}

function vpcs(...ids: readonly string[]): string {
  return JSON.stringify(
    ids.map((VpcId) => ({ VpcId, VSwitchId: "vsw-1", RegionId: "cn-hangzhou", VpcOwnerId: "1234567890123456" })),
  );
}
