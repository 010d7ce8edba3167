import assert from "node:assert/strict";
import { test } from "node:test";
import { type CinnabarClient, type Credentials, ServiceError } from "@cinnabar/client";
import { parseId } from "@cinnabar/kernel";
import { type KeepAccessKey, type ServiceName, Services } from "@cinnabar/ram";
import { forEachDatabase } from "@cinnabar/testkit";
import {
  type Account,
  accountId,
  allow,
  assume,
  policy,
  RAM,
  refusal,
  STS,
  StsWorld,
  toCredentials,
  trusts,
} from "./support/sts-world.ts";

const TRAIL = { version: "2020-07-06" };
const ALIAS = "alias/acs/oss";
const CONTEXT = { EncryptionContext: '{"acs:oss:arn":"acs:oss:cn-hangzhou:1:bucket/a"}' };
const DENIED = "Forbidden.NoPermission";
const NO_ALIAS = "Forbidden.AliasNotFound";
const NO_KEY = "Forbidden.KeyNotFound";
const INACTIVE = "InvalidAccessKeyId.Inactive";

type Fields = Readonly<Record<string, unknown>>;

function arnOf({ accountId }: Account, name = ALIAS): string {
  return `acs:kms:cn-hangzhou:${accountId}:${name}`;
}

/** A service of the deployment, as its operator enabled it. */
class EnabledService {
  readonly world: StsWorld;
  readonly services: Services;
  readonly name: ServiceName;
  readonly accountId: string;
  readonly credentials: Credentials;

  private constructor(parts: {
    world: StsWorld;
    services: Services;
    name: ServiceName;
    accountId: string;
    credentials: Credentials;
  }) {
    this.world = parts.world;
    this.services = parts.services;
    this.name = parts.name;
    this.accountId = parts.accountId;
    this.credentials = parts.credentials;
  }

  static async enable(world: StsWorld, name: ServiceName = "oss"): Promise<EnabledService> {
    const services = new Services({ store: world.store, keys: world.keys });
    const { keep, kept } = keeper();
    const { accountId } = await services.create(name, keep);
    return new EnabledService({ world, services, name, accountId, credentials: kept() });
  }

  /** A client of it for each node. */
  clients(credentials = this.credentials): readonly CinnabarClient[] {
    return this.world.nodes.map((_node, index) => this.world.client(credentials, index));
  }

  client(): CinnabarClient {
    return this.world.client(this.credentials);
  }
}

function keeper(): { readonly keep: KeepAccessKey; readonly kept: () => Credentials } {
  let made: Credentials | undefined;
  return {
    keep: async ({ accessKeyId, secret }) => {
      made = { accessKeyId, accessKeySecret: secret.toString("latin1") };
    },
    kept() {
      if (made === undefined) throw new Error("no AccessKey was made");
      return made;
    },
  };
}

async function eventsAbout(client: CinnabarClient, keyId: string): Promise<readonly Fields[]> {
  const attribute = { "LookupAttribute.1.Key": "ResourceName", "LookupAttribute.1.Value": keyId };
  const { Events } = await client.call("LookupEvents", { ...attribute, MaxResults: "50" }, TRAIL);
  return Events as readonly Fields[];
}

async function serviceKeyOf(root: CinnabarClient): Promise<string> {
  const { KeyMetadata } = await root.call("DescribeKey", { KeyId: ALIAS });
  return (KeyMetadata as { KeyId: string }).KeyId;
}

forEachDatabase((database) => {
  test("a service makes its key in an account when it first uses it, one key whichever nodes are asked", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const root = world.client(one.credentials);
    const oss = await EnabledService.enable(world);
    assert.equal(await refusal(root.call("Encrypt", { KeyId: ALIAS, Plaintext: "text" })), NO_ALIAS);

    const KeyId = arnOf(one);
    const clients = [...oss.clients(), ...oss.clients(), ...oss.clients(), ...oss.clients()];
    const made = await Promise.all(
      clients.map(async (client, index) => {
        if (index === 0) return client.call("Encrypt", { KeyId, Plaintext: "text", ...CONTEXT });
        return client.call("GenerateDataKey", { KeyId, ...CONTEXT });
      }),
    );
    const keyId = await serviceKeyOf(root);
    assert.deepEqual(new Set(made.map((answer) => answer["KeyId"])), new Set([keyId]));
    for (const { CiphertextBlob, Plaintext } of made) {
      const opened = await oss.client().call("Decrypt", { CiphertextBlob: CiphertextBlob as string, ...CONTEXT });
      assert.equal(opened["Plaintext"], Plaintext ?? "text");
    }
    const creations = (await world.events()).filter(({ eventName }) => eventName === "CreateServiceKey");
    const [creation, ...more] = creations;
    assert.ok(creation !== undefined && more.length === 0);
    assert.equal(creation.errorCode, undefined);
    const { causedBy, keyAccountId, alias } = creation.additionalEventData;
    assert.deepEqual([keyAccountId, alias], [one.accountId, ALIAS]);
    assert.ok(made.some(({ RequestId }) => RequestId === causedBy));

    const { KeyMetadata } = await root.call("DescribeKey", { KeyId: ALIAS });
    const { Creator, Arn, KeyState, KeySpec, Origin } = KeyMetadata as Fields;
    const expected = ["OSS", arnOf(one, `key/${keyId}`), "Enabled", "Aliyun_AES_256", "Aliyun_KMS"];
    assert.deepEqual([Creator, Arn, KeyState, KeySpec, Origin], expected);
    const own = (await root.call("CreateKey"))["KeyMetadata"] as { KeyId: string };
    for (const [Values, found] of [
      [["Service"], [keyId]],
      [["User"], [own.KeyId]],
      [
        ["User", "Service"],
        [keyId, own.KeyId],
      ],
      [["Nobody"], []],
    ] as const) {
      const { Keys } = await root.call("ListKeys", { Filters: JSON.stringify([{ Key: "CreatorType", Values }]) });
      const listed = (Keys as { Key: readonly { KeyId: string }[] }).Key.map(({ KeyId: id }) => id);
      assert.deepEqual(listed.toSorted(), [...found].toSorted());
    }
    const { Aliases } = await root.call("ListAliases");
    assert.deepEqual(
      (Aliases as { Alias: readonly Fields[] }).Alias.map(({ AliasName, KeyId: id }) => [AliasName, id]),
      [[ALIAS, keyId]],
    );

    // Every use is in the trail of the account, and of nobody else's.
    const events = (await eventsAbout(root, keyId)).filter(({ eventName }) => eventName !== "DescribeKey");
    const names = events.map(({ eventName }) => String(eventName));
    const uses = [
      ...made.map((_answer, index) => (index === 0 ? "Encrypt" : "GenerateDataKey")),
      ...made.map(() => "Decrypt"),
    ];
    assert.deepEqual(names.toSorted(), [...uses, "CreateServiceKey"].toSorted());
    for (const event of events) {
      assert.equal(event["recipientAccountId"], one.accountId);
      const principalId = "oss.aliyuncs.com";
      assert.deepEqual(event["userIdentity"], {
        accountId: oss.accountId,
        principalId,
        type: "system",
        userName: principalId,
      });
      assert.ok(!JSON.stringify(event).includes(oss.credentials.accessKeyId));
      if (event["eventName"] !== "CreateServiceKey") assert.deepEqual(event["requestParameters"], CONTEXT);
    }
    assert.deepEqual(await eventsAbout(world.client(other.credentials), keyId), []);
    const sealed = await oss.client().call("GenerateDataKeyWithoutPlaintext", { KeyId });
    assert.deepEqual([sealed["KeyId"], sealed["Plaintext"]], [keyId, undefined]);
    // Each account has its own, whichever operation is the first one.
    const elsewhere = await oss.client().call("GenerateDataKeyWithoutPlaintext", { KeyId: arnOf(other) });
    assert.notEqual(elsewhere["KeyId"], keyId);
    assert.equal(await serviceKeyOf(world.client(other.credentials)), elsewhere["KeyId"]);
  });

  test("DescribeKey makes it too, and none is made where there is no account, or by anybody else", async () => {
    await using world = await StsWorld.start(database);
    const oss = await EnabledService.enable(world);
    const rds = await EnabledService.enable(world, "rds");
    const client = oss.client();
    const { KeyMetadata } = await client.call("DescribeKey", { KeyId: arnOf(world.one) });
    assert.equal((KeyMetadata as Fields)["Creator"], "OSS");
    const nobody: Account = { ...world.one, accountId: accountId(oss.accountId) };
    for (const KeyId of [
      arnOf(world.other, "alias/acs/rds"),
      arnOf(world.other, "alias/other"),
      arnOf(world.other).replace("hangzhou", "beijing"),
      arnOf(world.other).replace(world.other.accountId, "1000000000000000"),
      arnOf(world.other).replace(world.other.accountId, "12"),
      arnOf(nobody),
      ALIAS,
    ]) {
      assert.equal(await refusal(client.call("GenerateDataKey", { KeyId })), NO_ALIAS, KeyId);
    }
    // A service finds no other one's key.
    assert.equal(await refusal(rds.client().call("GenerateDataKey", { KeyId: arnOf(world.one) })), NO_ALIAS);
    assert.equal(await refusal(client.call("DisableKey", { KeyId: arnOf(world.other) })), "Unsupported.Alias");
    for (const account of [world.one, world.other]) {
      const root = world.client(account.credentials);
      assert.equal(await refusal(root.call("Encrypt", { KeyId: arnOf(world.other), Plaintext: "text" })), NO_ALIAS);
    }
    const creations = (await world.events()).filter(({ eventName }) => eventName === "CreateServiceKey");
    assert.equal(creations.length, 1);
  });

  test("an account sees a service key, and neither its root nor a user can do anything else with it", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const root = world.client(one.credentials);
    const oss = await EnabledService.enable(world);
    const { CiphertextBlob: blob } = await oss.client().call("GenerateDataKey", { KeyId: arnOf(one) });
    const CiphertextBlob = blob as string;
    const KeyId = await serviceKeyOf(root);
    const { KeyMetadata } = await root.call("CreateKey");
    const { KeyId: ownKeyId } = KeyMetadata as { KeyId: string };
    await root.call("CreateAlias", { AliasName: "alias/own", KeyId: ownKeyId });
    const admin = world.client(await world.createUser(one, "admin", [allow("*")]));
    const roleArn = await world.createRole(one, "admins", {
      trust: [trusts({ RAM: `acs:ram::${one.accountId}:root` })],
      statements: [allow("*")],
    });
    const session = world.client(toCredentials(await assume(admin, roleArn)));
    const powerless = world.client(await world.createUser(one, "powerless", [allow("ram:GetUser")]));

    const looks: readonly (readonly [action: string, parameters: Readonly<Record<string, string>>])[] = [
      ["DescribeKey", { KeyId }],
      ["DescribeKey", { KeyId: ALIAS }],
      ["ListAliasesByKeyId", { KeyId }],
      ["ListResourceTags", { KeyId }],
      ["GetKeyPolicy", { KeyId }],
      ["GetKeyUsage", { KeyId }],
      ["ListKeyVersions", { KeyId }],
    ];
    const Policy = policy([
      { Effect: "Allow", Principal: { RAM: [`acs:ram::${one.accountId}:*`] }, Action: ["kms:*"], Resource: ["*"] },
    ]);
    const Tags = '[{"TagKey":"a","TagValue":"b"}]';
    const touches: typeof looks = [
      ["Encrypt", { KeyId, Plaintext: "text" }],
      ["Encrypt", { KeyId: ALIAS, Plaintext: "text" }],
      ["Encrypt", { KeyId: arnOf(one), Plaintext: "text" }],
      ["Decrypt", { CiphertextBlob }],
      ["GenerateDataKey", { KeyId: ALIAS }],
      ["GenerateDataKeyWithoutPlaintext", { KeyId: ALIAS }],
      ["ReEncrypt", { CiphertextBlob, DestinationKeyId: ownKeyId }],
      ["DisableKey", { KeyId }],
      ["EnableKey", { KeyId }],
      ["ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }],
      ["CancelKeyDeletion", { KeyId }],
      ["CreateKeyVersion", { KeyId }],
      ["UpdateRotationPolicy", { KeyId, EnableAutomaticRotation: "true", RotationInterval: "30d" }],
      ["GetParametersForImport", { KeyId, WrappingAlgorithm: "SM2PKE", WrappingKeySpec: "EC_SM2" }],
      ["ImportKeyMaterial", { KeyId, EncryptedKeyMaterial: "text", ImportToken: "text" }],
      ["DeleteKeyMaterial", { KeyId }],
      ["SetDeletionProtection", { ProtectedResourceArn: arnOf(one, `key/${KeyId}`), EnableDeletionProtection: "true" }],
      ["UpdateKeyDescription", { KeyId, Description: "mine" }],
      ["TagResource", { KeyId, Tags }],
      ["UntagResource", { KeyId, TagKeys: '["a"]' }],
      [
        "TagResources",
        { RegionId: "cn-hangzhou", ResourceType: "key", "ResourceId.1": KeyId, "Tag.1.Key": "a", "Tag.1.Value": "b" },
      ],
      ["UntagResources", { RegionId: "cn-hangzhou", ResourceType: "key", "ResourceId.1": KeyId, "TagKey.1": "a" }],
      ["SetKeyPolicy", { KeyId, Policy }],
      ["SetKeyPolicy", { KeyId, Policy, ConfirmLockout: "true" }],
      ["CreateAlias", { AliasName: "alias/mine", KeyId }],
      ["UpdateAlias", { AliasName: "alias/own", KeyId }],
      ["UpdateAlias", { AliasName: ALIAS, KeyId: ownKeyId }],
      ["DeleteAlias", { AliasName: ALIAS }],
    ];
    for (const caller of [root, admin, session]) {
      for (const [action, parameters] of looks) await caller.call(action, parameters);
      for (const [action, parameters] of touches) {
        const said = `${action} ${JSON.stringify(parameters)}`;
        const error = await caller.call(action, parameters).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        assert.ok(error instanceof ServiceError, said);
        assert.equal(error.code, DENIED, said);
        // What nobody can change is not advised.
        assert.match(error.message, /^This operation for \S+ is forbidden by permission system\.$/, said);
      }
      // The names of services' aliases are reserved, and no key of a user's gets one.
      const AliasName = "alias/acs/rds";
      assert.equal(await refusal(caller.call("CreateAlias", { AliasName, KeyId: ownKeyId })), "InvalidParameter");
    }
    for (const [action, parameters] of looks) {
      assert.equal(await refusal(powerless.call(action, parameters)), DENIED, action);
    }
    // To another account it is not there, whatever it may.
    const stranger = world.client(await world.createUser(other, "stranger", [allow("*")]));
    for (const caller of [stranger, world.client(other.credentials)]) {
      for (const action of ["DescribeKey", "Encrypt", "GenerateDataKey", "GetKeyPolicy", "SetKeyPolicy"]) {
        const parameters = { KeyId: arnOf(one, `key/${KeyId}`), Plaintext: "text", Policy };
        assert.equal(await refusal(caller.call(action, parameters)), NO_KEY, action);
      }
      assert.equal(await refusal(caller.call("Decrypt", { CiphertextBlob })), NO_KEY);
    }
    // All of it left the key as it was.
    const again = await oss.client().call("Decrypt", { CiphertextBlob });
    assert.equal(again["KeyId"], KeyId);
    const { Policy: shown } = await root.call("GetKeyPolicy", { KeyId });
    const { Statement } = JSON.parse(shown as string) as { Statement: readonly Fields[] };
    assert.deepEqual(
      Statement.map(({ Effect, Principal }) => [Effect, Principal]),
      [
        ["Allow", { Service: ["oss.aliyuncs.com"] }],
        ["Deny", { RAM: [`acs:ram::${one.accountId}:*`] }],
      ],
    );
  });

  test("a service's own credentials give it nothing but its own keys", async () => {
    await using world = await StsWorld.start(database);
    const { one } = world;
    const root = world.client(one.credentials);
    const client = (await EnabledService.enable(world)).client();
    await client.call("GenerateDataKey", { KeyId: arnOf(one) });
    const ownKeyId = await serviceKeyOf(root);
    const { KeyMetadata } = await root.call("CreateKey");
    const { KeyId, Arn } = KeyMetadata as { KeyId: string; Arn: string };
    const { CiphertextBlob } = await root.call("Encrypt", { KeyId, Plaintext: "text" });
    await root.call("CreateAlias", { AliasName: "alias/users", KeyId });
    assert.equal(await refusal(client.call("Encrypt", { KeyId: Arn, Plaintext: "text" })), NO_KEY);
    assert.equal(await refusal(client.call("DescribeKey", { KeyId: Arn })), NO_KEY);
    assert.equal(await refusal(client.call("GenerateDataKey", { KeyId: arnOf(one, "alias/users") })), NO_ALIAS);
    assert.equal(await refusal(client.call("Decrypt", { CiphertextBlob: CiphertextBlob as string })), NO_KEY);
    assert.equal(await refusal(client.call("GetKeyPolicy", { KeyId: arnOf(one, `key/${ownKeyId}`) })), NO_KEY);
    for (const action of ["CreateKey", "ListKeys", "ListAliases"]) {
      assert.equal(await refusal(client.call(action)), DENIED, action);
    }
    assert.equal(await refusal(client.call("LookupEvents", {}, TRAIL)), "NoPermission");
    for (const action of ["ListUsers", "ListRoles", "CreateUser"]) {
      assert.equal(await refusal(client.call(action, { UserName: "mallory" }, RAM)), "NoPermission", action);
    }
    const identity = await client.call("GetCallerIdentity", {}, STS);
    assert.deepEqual([identity["IdentityType"], identity["PrincipalId"]], ["Service", "oss"]);
    // A key's policy cannot name a service.
    const Statement = [
      { Effect: "Allow", Principal: { Service: ["oss.aliyuncs.com"] }, Action: ["kms:*"], Resource: ["*"] },
    ];
    assert.equal(await refusal(root.call("SetKeyPolicy", { KeyId, Policy: policy(Statement) })), "InvalidParameter");
    // Nor does it open a key to a service that all of its account is let in.
    const everybody = { RAM: [`acs:ram::${one.accountId}:*`] };
    const open = policy([{ Effect: "Allow", Principal: everybody, Action: ["kms:*"], Resource: ["*"] }]);
    await root.call("SetKeyPolicy", { KeyId, Policy: open });
    assert.equal(await refusal(client.call("Encrypt", { KeyId: Arn, Plaintext: "text" })), NO_KEY);
  });

  test("a service reaches a user's key through a role that trusts it, as long as that lasts", async () => {
    await using world = await StsWorld.start(database);
    const { one } = world;
    const root = world.client(one.credentials);
    const oss = await EnabledService.enable(world);
    const { KeyMetadata } = await root.call("CreateKey");
    const { KeyId } = KeyMetadata as { KeyId: string };
    const forAccount = { StringEquals: { "acs:SourceAccount": one.accountId } };
    const roleArn = await world.createRole(one, "oss-access", {
      trust: [trusts({ Service: ["oss.aliyuncs.com"] }, forAccount)],
      statements: [allow("kms:GenerateDataKey", "kms:Decrypt")],
    });
    const source = { SourceAccount: one.accountId, SourceArn: "acs:oss:cn-hangzhou:1:bucket" };
    const rds = await EnabledService.enable(world, "rds");
    assert.equal(await refusal(assume(rds.client(), roleArn, source)), "NoPermission");
    assert.equal(await refusal(assume(oss.client(), roleArn)), "NoPermission");
    const forOther = { SourceAccount: world.other.accountId };
    assert.equal(await refusal(assume(oss.client(), roleArn, forOther)), "NoPermission");
    const user = world.client(await world.createUser(one, "user", [allow("*")]));
    assert.equal(await refusal(assume(user, roleArn, source)), "InvalidParameter");
    assert.equal(await refusal(assume(user, roleArn)), "NoPermission");

    const sessions = oss.clients(toCredentials(await assume(oss.client(), roleArn, source)));
    const seal = (session: CinnabarClient) => session.call("GenerateDataKey", { KeyId });
    for (const session of sessions) {
      const { CiphertextBlob } = await seal(session);
      await session.call("Decrypt", { CiphertextBlob: CiphertextBlob as string });
      assert.equal(await refusal(session.call("DisableKey", { KeyId })), DENIED);
    }
    const attribute = { "LookupAttribute.1.Key": "EventName", "LookupAttribute.1.Value": "AssumeRole" };
    const { Events } = await root.call("LookupEvents", attribute, TRAIL);
    const assumed = (Events as readonly Fields[]).filter(({ errorCode }) => errorCode === undefined);
    assert.deepEqual(
      assumed.map(({ userIdentity, requestParameters }) => [
        (userIdentity as Fields)["userName"],
        (requestParameters as Fields)["SourceAccount"],
      ]),
      [["oss.aliyuncs.com", one.accountId]],
    );

    // The service disabled, its sessions are refused on every node.
    assert.equal(await oss.services.setEnabled("oss", false), true);
    for (const session of sessions) assert.equal(await refusal(seal(session)), INACTIVE);
    await oss.services.setEnabled("oss", true);
    for (const session of sessions) await seal(session);
    await root.call(
      "UpdateRole",
      { RoleName: "oss-access", NewAssumeRolePolicyDocument: policy([trusts({ Service: ["rds.aliyuncs.com"] })]) },
      RAM,
    );
    for (const session of sessions) assert.equal(await refusal(seal(session)), "InvalidSecurityToken.Expired");
    assert.equal(await refusal(assume(oss.client(), roleArn, source)), "NoPermission");
  });

  test("an account learns what its keys protect, each user of resources that he may read", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const root = world.client(one.credentials);
    const oss = await EnabledService.enable(world);
    const ecs = await EnabledService.enable(world, "ecs");
    const bucketOf = ({ accountId: owner }: Account, name: string) => `acs:oss:cn-hangzhou:${owner}:${name}`;
    const disk = `acs:ecs:cn-hangzhou:${one.accountId}:disk/d-1`;
    const { KeyId: serviceKey, CiphertextBlob } = await oss
      .client()
      .call("GenerateDataKey", { KeyId: arnOf(one), SourceArn: bucketOf(one, "a") });
    await oss.client().call("Decrypt", {
      CiphertextBlob: CiphertextBlob as string,
      SourceArn: bucketOf(one, "b"),
    });
    await oss.client().call("Encrypt", { KeyId: arnOf(one), Plaintext: "text", SourceArn: bucketOf(other, "c") });
    const asked = { KeyId: arnOf(one), Plaintext: "text", SourceArn: "bucket" };
    assert.equal(await refusal(oss.client().call("Encrypt", asked)), "InvalidParameter");
    const { KeyMetadata } = await root.call("CreateKey");
    const { KeyId: ownKey } = KeyMetadata as { KeyId: string };
    const said = { KeyId: ownKey, Plaintext: "text", SourceArn: disk };
    assert.equal(await refusal(root.call("Encrypt", said)), "InvalidParameter");

    const roleArn = await world.createRole(one, "ecs-access", {
      trust: [trusts({ Service: ["ecs.aliyuncs.com"] })],
      statements: [allow("kms:Encrypt", "sts:AssumeRole")],
    });
    const nextArn = await world.createRole(one, "next", {
      trust: [trusts({ RAM: `acs:ram::${one.accountId}:root` })],
      statements: [allow("kms:GenerateDataKey")],
    });
    const session = toCredentials(await assume(ecs.client(), roleArn, { SourceArn: disk }));
    for (const client of ecs.clients(session)) await client.call("Encrypt", { KeyId: ownKey, Plaintext: "text" });
    // So does every session that is begun from it.
    const next = toCredentials(await assume(world.client(session), nextArn));
    const { KeyMetadata: another } = await root.call("CreateKey");
    const { KeyId: nextKey } = another as { KeyId: string };
    await world.client(next).call("GenerateDataKey", { KeyId: nextKey });
    const keeper = world.client(await world.createUser(one, "keeper", [allow("kms:*")]));
    const reader = world.client(
      await world.createUser(one, "reader", [
        allow("kms:List*"),
        { Effect: "Allow", Action: ["oss:Get*"], Resource: [bucketOf(one, "a*")] },
      ]),
    );
    const associations = async (client: CinnabarClient, KeyId: string) => {
      const { Services, Resources, HiddenCount } = await client.call("ListKeyAssociations", { KeyId });
      return [
        (Services as { Service: readonly Fields[] }).Service.map(({ ServiceName }) => ServiceName),
        (Resources as { Resource: readonly Fields[] }).Resource.map(({ ResourceArn }) =>
          String(ResourceArn),
        ).toSorted(),
        HiddenCount,
      ];
    };
    const key = serviceKey as string;
    const [a, b] = [bucketOf(one, "a"), bucketOf(one, "b")];
    assert.deepEqual(await associations(root, key), [["oss.aliyuncs.com"], [a, b], 1]);
    assert.deepEqual(await associations(reader, key), [["oss.aliyuncs.com"], [a], 2]);
    assert.deepEqual(await associations(keeper, key), [["oss.aliyuncs.com"], [], 3]);
    assert.deepEqual(await associations(root, ownKey), [["ecs.aliyuncs.com"], [disk], 0]);
    assert.deepEqual(await associations(root, nextKey), [["ecs.aliyuncs.com"], [disk], 0]);
    assert.deepEqual(await associations(keeper, ownKey), [["ecs.aliyuncs.com"], [], 1]);
  });

  test("a disabled service, a disabled account and a withdrawn AccessKey are refused at once, on every node", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const oss = await EnabledService.enable(world);
    const { services } = oss;
    await assert.rejects(services.create("oss", keeper().keep), { code: "serviceExists" });
    await assert.rejects(services.setEnabled("rds", true), { code: "serviceNotFound" });
    const clients = oss.clients();
    const KeyId = arnOf(one);
    const { CiphertextBlob: blob } = await oss.client().call("GenerateDataKey", { KeyId });
    const CiphertextBlob = blob as string;
    const refusals = (parameters: Readonly<Record<string, string>>, action = "GenerateDataKey") =>
      Promise.all(clients.map((client) => refusal(client.call(action, parameters))));
    const all = (code: string) => clients.map(() => code);
    assert.deepEqual(await refusals({ KeyId }), all("no error"));

    assert.equal(await services.setEnabled("oss", false), true);
    assert.equal(await services.setEnabled("oss", false), false);
    assert.deepEqual(await refusals({ KeyId }), all(INACTIVE));
    assert.deepEqual(await refusals({ CiphertextBlob }, "Decrypt"), all(INACTIVE));
    assert.deepEqual(await refusals({ KeyId: arnOf(other) }), all(INACTIVE));
    assert.equal(await services.setEnabled("oss", true), true);
    assert.deepEqual(await refusals({ CiphertextBlob }, "Decrypt"), all("no error"));

    // Of a disabled account nothing is there, and no key is made in it.
    await world.administration.setAccountEnabled(one.accountId, false);
    await world.administration.setAccountEnabled(other.accountId, false);
    assert.deepEqual(await refusals({ KeyId }), all(NO_ALIAS));
    assert.deepEqual(await refusals({ CiphertextBlob }, "Decrypt"), all(NO_KEY));
    assert.deepEqual(await refusals({ KeyId: arnOf(other) }), all(NO_ALIAS));
    await world.administration.setAccountEnabled(one.accountId, true);
    await world.administration.setAccountEnabled(other.accountId, true);
    assert.deepEqual(await refusals({ CiphertextBlob }, "Decrypt"), all("no error"));
    assert.equal(await refusal(world.client(other.credentials).call("DescribeKey", { KeyId: ALIAS })), NO_ALIAS);

    // Two AccessKeys at most; the one of before holds until it is withdrawn.
    const { keep, kept } = keeper();
    await services.createAccessKey("oss", keep);
    await assert.rejects(services.createAccessKey("oss", keeper().keep), { code: "tooManyAccessKeys" });
    const next = oss.clients(kept());
    for (const client of [...clients, ...next]) await client.call("Decrypt", { CiphertextBlob });
    const [first, second] = (await services.find("oss"))?.accessKeys ?? [];
    assert.ok(first !== undefined && second !== undefined);
    await world.administration.disableAccessKey(parseId("AccessKey", first.id), { force: false });
    assert.deepEqual(await refusals({ CiphertextBlob }, "Decrypt"), all(INACTIVE));
    for (const client of next) await client.call("Decrypt", { CiphertextBlob });
    const last = world.administration.disableAccessKey(parseId("AccessKey", second.id), { force: false });
    await assert.rejects(last, { code: "lastActiveAccessKey", message: /last active one of the service oss/ });
    await world.administration.deleteAccessKey(parseId("AccessKey", first.id), { force: false });
    assert.deepEqual(await refusals({ CiphertextBlob }, "Decrypt"), all("InvalidAccessKeyId.NotFound"));

    // The accounts of services are no accounts of customers.
    const accounts = await world.administration.listAccounts();
    assert.deepEqual(accounts.map(({ id }) => id).toSorted(), [one.accountId, other.accountId].toSorted());
    const keys = await world.administration.listAccessKeys();
    assert.ok(keys.every(({ accountId }) => accountId !== oss.accountId));
    const asAccount = world.administration.setAccountEnabled(accountId(oss.accountId), false);
    await assert.rejects(asAccount, { code: "accountNotFound", message: /cinnabar service looks after/ });
    const changes = (await world.events()).filter(({ recipientAccountId, eventName }) => {
      return recipientAccountId === oss.accountId && /Service$|AccessKey$/.test(eventName);
    });
    assert.deepEqual(
      changes.map(({ eventName, additionalEventData }) => [eventName, additionalEventData["service"]]),
      [
        ["EnableService", "oss"],
        ["DisableService", "oss"],
        ["EnableService", "oss"],
        ["CreateAccessKey", "oss"],
        ["DisableAccessKey", undefined],
        ["DeleteAccessKey", undefined],
      ],
    );
  });
});
