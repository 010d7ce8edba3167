import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { type AccountCaller, REGION, TwoAccounts, type Wire } from "./support/two-accounts.ts";

const SHARING = "2020-01-10";

type Metadata = { readonly KeyMetadata: Readonly<Record<"KeyId" | "Arn", string>> };
type Made = { readonly ResourceShare: Readonly<Record<string, unknown>> & { readonly ResourceShareId: string } };

forEachDatabase((database) => {
  test("an instance is shared, told of on both sides, and taken back", async () => {
    await using world = await TwoAccounts.start(database);
    const { one: owner, other: guest } = world;
    const stranger = await world.addAccount();
    const id = await world.addInstance(owner);
    const arn = `acs:kms:${REGION}:${owner.accountId}:keystore/${id}`;
    const { ResourceShare: made } = await rs<Made>(owner, "CreateResourceShare", {
      ResourceShareName: "payments",
      "Resources.1.ResourceId": id,
      "Resources.1.ResourceType": "KMSInstance",
      "PermissionNames.1": "AliyunRSDefaultPermissionKMSInstance",
    });
    const { ResourceShareId, CreateTime, UpdateTime, ...rest } = made;
    assert.match(ResourceShareId, /^rs-[A-Za-z0-9]{12}$/);
    assert.match(String(CreateTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(UpdateTime, CreateTime);
    assert.deepEqual(rest, {
      ResourceShareName: "payments",
      ResourceShareOwner: owner.accountId,
      ResourceShareStatus: "Active",
      AllowExternalTargets: false,
    });
    assert.equal(await code(guest, "CreateKey", { DKMSInstanceId: id }), "Forbidden.DKMSInstanceNotFound");
    const target = { ResourceShareId, "Targets.1": guest.accountId };
    await rs(owner, "AssociateResourceShare", target);
    const { KeyMetadata: key } = await guest.call<Metadata>("CreateKey", { DKMSInstanceId: id });
    assert.equal(key.Arn, `acs:kms:${REGION}:${guest.accountId}:key/${key.KeyId}`);

    const resources = await rs<Lists>(guest, "ListSharedResources", { ResourceOwner: "OtherAccounts" });
    assert.deepEqual(
      resources.SharedResources.map(({ ResourceArn, ResourceId, ResourceType, ResourceStatus }) => ({
        ResourceArn,
        ResourceId,
        ResourceType,
        ResourceStatus,
      })),
      [{ ResourceArn: arn, ResourceId: id, ResourceType: "KMSInstance", ResourceStatus: "Available" }],
    );
    const idsOf = async (caller: AccountCaller, ResourceOwner: string) => {
      const shares = await rs<Lists>(caller, "ListResourceShares", { ResourceOwner });
      const targets = await rs<Lists>(caller, "ListSharedTargets", { ResourceOwner });
      const permissions = await sharingCode(caller, "ListResourceSharePermissions", { ResourceOwner, ResourceShareId });
      return [
        shares.ResourceShares.map((share) => share["ResourceShareId"]),
        targets.SharedTargets.map((shared) => shared["TargetId"]),
        permissions,
      ];
    };
    const NONE = "EntityNotExists.ResourceShare";
    assert.deepEqual(await idsOf(owner, "Self"), [[ResourceShareId], [guest.accountId], "ok"]);
    assert.deepEqual(await idsOf(owner, "OtherAccounts"), [[], [], NONE]);
    assert.deepEqual(await idsOf(guest, "OtherAccounts"), [[ResourceShareId], [owner.accountId], "ok"]);
    assert.deepEqual(await idsOf(guest, "Self"), [[], [], NONE]);
    assert.deepEqual(await idsOf(stranger, "OtherAccounts"), [[], [], NONE]);
    for (const [AssociationType, EntityId, EntityType] of [
      ["Resource", id, "KMSInstance"],
      ["Target", guest.accountId, "Account"],
    ] as const) {
      const { ResourceShareAssociations: found } = await rs<Lists>(owner, "ListResourceShareAssociations", {
        AssociationType,
      });
      assert.deepEqual(
        found.map((each) => [each["EntityId"], each["EntityType"], each["AssociationStatus"]]),
        [[EntityId, EntityType, "Associated"]],
      );
    }

    // Taken back: the guest has nothing of it any more, and its keys wait for the instance to be shared again.
    const blob = await seal(guest, key.KeyId);
    await rs(owner, "DisassociateResourceShare", target);
    assert.equal(await code(guest, "Encrypt", { KeyId: key.KeyId, Plaintext: "text" }), "Forbidden.NoPermission");
    assert.equal(await code(guest, "Decrypt", { CiphertextBlob: blob }), "Forbidden.NoPermission");
    assert.equal(await code(guest, "CreateKey", { DKMSInstanceId: id }), "Forbidden.DKMSInstanceNotFound");
    assert.equal(await code(owner, "Decrypt", { CiphertextBlob: blob }), "ok");
    await rs(owner, "AssociateResourceShare", { ResourceShareId, "Targets.1": guest.accountId });
    assert.equal(await code(guest, "Decrypt", { CiphertextBlob: blob }), "ok");
    // Two shares let in the same account: it stays until both are gone.
    const again = await rs<Made>(owner, "CreateResourceShare", {
      ResourceShareName: "again",
      "ResourceArns.1": arn,
      "Targets.1": guest.accountId,
    });
    await rs(owner, "DeleteResourceShare", { ResourceShareId });
    assert.equal(await code(guest, "Decrypt", { CiphertextBlob: blob }), "ok");
    const resource = { "Resources.1.ResourceId": id, "Resources.1.ResourceType": "KMSInstance" };
    const { ResourceShareId: second } = again.ResourceShare;
    await rs(owner, "DisassociateResourceShare", { ResourceShareId: second, ...resource });
    assert.equal(await code(guest, "Decrypt", { CiphertextBlob: blob }), "Forbidden.NoPermission");
    assert.equal(await sharingCode(owner, "DeleteResourceShare", { ResourceShareId }), NONE);
  });

  test("what cannot be shared is refused by its documented code", async () => {
    await using world = await TwoAccounts.start(database);
    const { one: owner, other: guest } = world;
    const id = await world.addInstance(owner, { access: 1 });
    const theirs = await world.addInstance(guest);
    const named = { ResourceShareName: "payments" };
    const resource = (ResourceId: string, ResourceType = "KMSInstance") => ({
      "Resources.1.ResourceId": ResourceId,
      "Resources.1.ResourceType": ResourceType,
    });
    const { accountId } = guest;
    const { ResourceShare: made } = await rs<Made>(owner, "CreateResourceShare", { ...named, ...resource(id) });
    const { ResourceShareId } = made;
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`Targets.${i + 1}`, `123456789012345${i}`]));
    const cases: readonly (readonly [expected: string, action: string, wire: Wire])[] = [
      ["MissingParameter.ResourceShareName", "CreateResourceShare", {}],
      ["InvalidParameter.ResourceShareName.Length", "CreateResourceShare", { ResourceShareName: "x".repeat(51) }],
      ["InvalidParameter.Resources", "CreateResourceShare", { ...named, ...resource(theirs) }],
      ["InvalidParameter.ResourceType", "CreateResourceShare", { ...named, ...resource(id, "VSwitch") }],
      ["InvalidParameter.Resources", "CreateResourceShare", { ...named, "ResourceArns.1": id }],
      ["InvalidTarget", "CreateResourceShare", { ...named, "Targets.1": "1234567890123456" }],
      ["InvalidParameter.Targets", "CreateResourceShare", { ...named, "Targets.1": "r-directory" }],
      [
        "InvalidParameter.Targets.Duplicate",
        "CreateResourceShare",
        { ...named, "Targets.1": accountId, "Targets.2": accountId },
      ],
      ["InvalidParameter.Targets.Length", "CreateResourceShare", { ...named, ...many }],
      ["ShareWithYourself", "CreateResourceShare", { ...named, "Targets.1": owner.accountId }],
      ["EntityNotExists.Permission", "CreateResourceShare", { ...named, "PermissionNames.1": "Other" }],
      // Nothing here would keep to what they say.
      [
        "UnsupportedOperation",
        "CreateResourceShare",
        { ...named, "TargetProperties.1.TargetId": accountId, "TargetProperties.1.Property": "{}" },
      ],
      ["MissingParameter.ResourceShareId", "AssociateResourceShare", {}],
      ["ResourceAndTargetBothEmpty", "AssociateResourceShare", { ResourceShareId }],
      ["EntityNotExists.ResourceShare", "AssociateResourceShare", { ResourceShareId: "rs-abcdefghijkl" }],
      ["DisassociateInvalid", "DisassociateResourceShare", { ResourceShareId, "Targets.1": accountId }],
      ["MissingParameter.ResourceOwner", "ListResourceShares", {}],
      ["InvalidParameter.ResourceOwner", "ListResourceShares", { ResourceOwner: "Me" }],
      ["InvalidParameter.MaxResults", "ListResourceShares", { ResourceOwner: "Self", MaxResults: "101" }],
      ["InvalidParameter.NextToken", "ListResourceShares", { ResourceOwner: "Self", NextToken: "?" }],
      ["ConflictedAssociationType", "ListResourceShareAssociations", { AssociationType: "Target", ResourceId: id }],
      ["AlreadyEnabled", "EnableSharingWithResourceDirectory", {}],
      ["UnsupportedOperation", "AcceptResourceShareInvitation", {}],
    ];
    for (const [expected, action, wire] of cases) {
      assert.equal(await sharingCode(owner, action, wire), expected, `${action} ${JSON.stringify(wire)}`);
    }
    // Of another account's share nothing is known, and nothing can be done to it.
    for (const action of ["UpdateResourceShare", "DeleteResourceShare", "AssociateResourceShare"]) {
      const wire = { ResourceShareId, ...named, "Targets.1": owner.accountId };
      assert.equal(await sharingCode(guest, action, wire), "EntityNotExists.ResourceShare", action);
    }
    // The instance has room for one account.
    await rs(owner, "AssociateResourceShare", { ResourceShareId, "Targets.1": accountId });
    const third = await world.addAccount();
    const wire = { ResourceShareId, "Targets.1": third.accountId };
    assert.equal(await sharingCode(owner, "AssociateResourceShare", wire), "QuotaExceeded.SharedResource.Count");
    const { ResourceShare: renamed } = await rs<Made>(owner, "UpdateResourceShare", {
      ResourceShareId,
      ResourceShareName: "other",
    });
    assert.equal(renamed["ResourceShareName"], "other");
    const check = await rs<{ EnableSharingWithRd: boolean }>(owner, "CheckSharingWithResourceDirectoryStatus");
    assert.equal(check.EnableSharingWithRd, true);
  });

  test("lists of shares turn page by page", async () => {
    await using world = await TwoAccounts.start(database);
    const { one: owner } = world;
    const made: string[] = [];
    for (const ResourceShareName of ["a", "b", "c", "d", "e"]) {
      const { ResourceShare } = await rs<Made>(owner, "CreateResourceShare", { ResourceShareName });
      made.push(ResourceShare.ResourceShareId);
    }
    const seen: unknown[] = [];
    let wire: Wire = { ResourceOwner: "Self", MaxResults: "2" };
    for (;;) {
      const page = await rs<Lists & { NextToken?: string }>(owner, "ListResourceShares", wire);
      seen.push(...page.ResourceShares.map((share) => share["ResourceShareId"]));
      if (page.NextToken === undefined) break;
      assert.equal(page.ResourceShares.length, 2);
      wire = { ...wire, NextToken: page.NextToken };
    }
    assert.deepEqual(seen, made.toSorted());
  });

  test("who may use and manage a key in a shared instance, after any changes, is what the rules say", async () => {
    await using world = await TwoAccounts.start(database);
    const [owner, guest, third] = [world.one, world.other, await world.addAccount()];
    const accounts = { owner, guest, third };
    const { ResourceShareId } = (await rs<Made>(owner, "CreateResourceShare", { ResourceShareName: "rules" }))
      .ResourceShare;
    const change = fc.oneof(
      fc.record({ kind: fc.constantFrom("share", "unshare"), account: fc.constantFrom("guest", "third") }),
      fc.record({
        kind: fc.constant("policy"),
        key: fc.constantFrom<Name>("owner", "guest"),
        admits: fc.subarray<Name>(["owner", "guest", "third"]),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const id = await world.addInstance(owner);
        const resource = { ResourceShareId, "Resources.1.ResourceId": id, "Resources.1.ResourceType": "KMSInstance" };
        const shared = new Set<Name>(["guest"]);
        await rs(owner, "AssociateResourceShare", { ...resource, "Targets.1": guest.accountId });
        const keys = {
          owner: await makeKey(owner, id),
          guest: await makeKey(guest, id),
        };
        // What the default policy of each admits.
        const policies: Record<"owner" | "guest", readonly Name[]> = { owner: ["owner"], guest: ["guest", "owner"] };
        for (const step of changes) {
          if (step.kind === "policy" && "key" in step) {
            const maker = step.key === "owner" ? "owner" : "guest";
            // The account itself sets it, as long as it reaches the key.
            if (maker === "guest" && !shared.has("guest")) continue;
            const admits = [...new Set<Name>([maker, ...step.admits])];
            const Policy = policyOf(admits.map((name) => accounts[name].accountId));
            await accounts[maker].call("SetKeyPolicy", { KeyId: keys[maker].KeyId, Policy });
            policies[maker] = admits;
          } else if ("account" in step) {
            const name: Name = step.account === "guest" ? "guest" : "third";
            const Target = { ResourceShareId, "Targets.1": accounts[name].accountId };
            if (step.kind === "share" && !shared.has(name)) await rs(owner, "AssociateResourceShare", Target);
            if (step.kind === "unshare" && shared.has(name)) await rs(owner, "DisassociateResourceShare", Target);
            if (step.kind === "share") shared.add(name);
            else shared.delete(name);
          }
          for (const maker of ["owner", "guest"] as const) {
            for (const name of ["owner", "guest", "third"] as const) {
              const expected = reference({ maker, name, admits: policies[maker], shared });
              const { Arn, blob } = keys[maker];
              const caller = accounts[name];
              const said = `${name} and the key of ${maker}, shared with ${[...shared].join()}, admitting ${policies[maker].join()}`;
              assert.equal(await code(caller, "DescribeKey", { KeyId: Arn }), expected, said);
              assert.equal(await code(caller, "Encrypt", { KeyId: Arn, Plaintext: "text" }), expected, said);
              assert.equal(await code(caller, "Decrypt", { CiphertextBlob: blob }), expected, said);
              const managed = await code(caller, "UpdateKeyDescription", {
                KeyId: keys[maker].KeyId,
                Description: name,
              });
              assert.equal(managed, byId({ maker, name, expected }), said);
            }
          }
        }
        // The next run begins with nothing shared.
        for (const name of shared) {
          await rs(owner, "DisassociateResourceShare", { ResourceShareId, "Targets.1": accounts[name].accountId });
        }
        await rs(owner, "DisassociateResourceShare", resource);
      }),
      // The rules are the same on every database, and rounds through PostgreSQL are slow.
      { numRuns: database.name === "sqlite" ? 6 : 1 },
    );
  });

  test("no more keys are made in an instance than fit, however many ask at once", async () => {
    await using world = await TwoAccounts.start(database);
    const { one: owner, other: guest } = world;
    const id = await world.addInstance(owner, { keys: 3 });
    await rs(owner, "CreateResourceShare", {
      ResourceShareName: "all",
      "Resources.1.ResourceId": id,
      "Resources.1.ResourceType": "KMSInstance",
      "Targets.1": guest.accountId,
    });
    await guest.call("CreateKey", { DKMSInstanceId: id });
    const calls = Array.from({ length: 8 }, (_, i) =>
      code(i % 2 === 0 ? owner : guest, "CreateKey", { DKMSInstanceId: id }),
    );
    const answers = await Promise.all(calls);
    assert.deepEqual(answers.toSorted(), [
      ...Array.from({ length: 6 }, () => "Rejected.LimitExceeded"),
      ...Array.from({ length: 2 }, () => "ok"),
    ]);
    // The owner sees all of them, and can delete what others made.
    const Filters = JSON.stringify([{ Key: "DKMSInstanceId", Values: [id] }]);
    const { Keys } = await owner.call<{ Keys: { Key: { KeyId: string; KeyArn: string }[] } }>("ListKeys", { Filters });
    assert.equal(Keys.Key.length, 3);
    for (const { KeyId } of Keys.Key) {
      assert.equal(await code(owner, "ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }), "ok");
    }
  });

  test("an instance that is released belongs to no share any more", async () => {
    await using world = await TwoAccounts.start(database);
    const owner = world.one;
    const [id, kept] = [await world.addInstance(owner), await world.addInstance(owner)];
    const { ResourceShareId } = (
      await rs<Made>(owner, "CreateResourceShare", {
        ResourceShareName: "nobody yet",
        "Resources.1.ResourceId": id,
        "Resources.1.ResourceType": "KMSInstance",
        "Resources.2.ResourceId": kept,
        "Resources.2.ResourceType": "KMSInstance",
      })
    ).ResourceShare;
    const listed = async () => {
      const wire = { AssociationType: "Resource", "ResourceShareIds.1": ResourceShareId };
      const { ResourceShareAssociations: all } = await rs<Lists>(owner, "ListResourceShareAssociations", wire);
      return all.map((association) => association["EntityId"]);
    };
    assert.deepEqual(new Set(await listed()), new Set([id, kept]));
    assert.equal(await code(owner, "ReleaseKmsInstance", { KmsInstanceId: id }), "ok");
    assert.deepEqual(await listed(), [kept]);
  });
});

type Name = "owner" | "guest" | "third";
type Lists = Readonly<
  Record<
    "ResourceShares" | "SharedResources" | "SharedTargets" | "ResourceShareAssociations",
    readonly Readonly<Record<string, unknown>>[]
  >
>;

/**
 * The rules, in so many words: a root has what its account made, what others made in its account's instance, and what a key's
 * policy admits its account to; but what a guest made only its instance's owner reaches once that is not shared with the guest.
 */
function reference({
  maker,
  name,
  admits,
  shared,
}: {
  readonly maker: "owner" | "guest";
  readonly name: Name;
  readonly admits: readonly Name[];
  readonly shared: ReadonlySet<Name>;
}): string {
  const isWithdrawn = maker === "guest" && !shared.has("guest");
  if (name === maker) return isWithdrawn ? "Forbidden.NoPermission" : "ok";
  if (name === "owner") return "ok";
  if (isWithdrawn) return "Forbidden.KeyNotFound";
  return admits.includes(name) ? "ok" : "Forbidden.KeyNotFound";
}

/** A key is named by its id by its own account, and by the owner of its instance. */
function byId({
  maker,
  name,
  expected,
}: {
  readonly maker: Name;
  readonly name: Name;
  readonly expected: string;
}): string {
  return name === maker || name === "owner" ? expected : "Forbidden.KeyNotFound";
}

async function makeKey(caller: AccountCaller, id: string) {
  const { KeyMetadata } = await caller.call<Metadata>("CreateKey", { DKMSInstanceId: id });
  return { ...KeyMetadata, blob: await seal(caller, KeyMetadata.KeyId) };
}

async function seal(caller: AccountCaller, KeyId: string): Promise<string> {
  return (await caller.call<{ CiphertextBlob: string }>("Encrypt", { KeyId, Plaintext: "text" })).CiphertextBlob;
}

function policyOf(accountIds: readonly string[]): string {
  const Principal = { RAM: accountIds.map((accountId) => `acs:ram::${accountId}:*`) };
  return JSON.stringify({
    Version: "1",
    Statement: [{ Effect: "Allow", Principal, Action: ["kms:*"], Resource: ["*"] }],
  });
}

function rs<Fields>(caller: AccountCaller, action: string, wire: Wire = {}): Promise<Fields> {
  return caller.call<Fields>(action, wire, SHARING);
}

function sharingCode(caller: AccountCaller, action: string, wire: Wire): Promise<string> {
  return code(caller, action, wire, SHARING);
}

async function code(caller: AccountCaller, action: string, wire: Wire, version?: string): Promise<string> {
  const { status, body } = await caller.attempt(action, wire, version);
  return status === 200 ? "ok" : (JSON.parse(String(body)) as { Code: string }).Code;
}
