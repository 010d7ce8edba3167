import { randomBytes } from "node:crypto";
import { type CinnabarClient, ServiceError } from "@cinnabar/client";
import { type DeclaredOperation, parseId } from "@cinnabar/kernel";
import { Instances } from "@cinnabar/kms";
import { INSTANCE_API_VERSION } from "@cinnabar/rpc";
import type { TestDatabase } from "@cinnabar/testkit";
import { Application, SECRET_USER } from "./application.ts";
import { allow, assume, createKey, enableService, policy, RAM, StsWorld, toCredentials, trusts } from "./sts-world.ts";
import type { Wire } from "./two-accounts.ts";

/** What a key policy may let an administrator of the key do (KMS, "SetKeyPolicy", administrators). */
const OF_ADMINISTRATORS = [
  "kms:List*",
  "kms:Describe*",
  "kms:Create*",
  "kms:Enable*",
  "kms:Disable*",
  "kms:Get*",
  "kms:Set*",
  "kms:Update*",
  "kms:Delete*",
  "kms:Cancel*",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:ImportKeyMaterial",
  "kms:ScheduleKeyDeletion",
];

/** The same of its users, within the account and beyond (KMS, "SetKeyPolicy", users and cross-account users). */
const OF_USERS = [
  "kms:Encrypt",
  "kms:Decrypt",
  "kms:GenerateDataKey",
  "kms:GenerateAndExportDataKey",
  "kms:AsymmetricEncrypt",
  "kms:AsymmetricDecrypt",
  "kms:DescribeKey",
  "kms:DescribeKeyVersion",
  "kms:ListKeyVersions",
  "kms:ListAliasesByKeyId",
  "kms:TagResource",
];

/** Who calls. All but two belong to the account whose key, users and roles the calls are about. */
export const CALLERS = {
  root: "the root of the account",
  administrator: "a user with the key policy's rights of administrators, and no RAM policy",
  keyUser: "a user with the key policy's rights of users, and no RAM policy",
  crossAccountUser: "a user of another account with the key policy's rights of users, and a RAM policy for all of KMS",
  role: "a session of a role that has AliyunKMSCryptoUserAccess",
  narrowedSession: "a session of that role, narrowed to kms:Decrypt, kms:DescribeKey and ram:*",
  assumer: "a user with AliyunSTSAssumeRoleAccess",
  auditor: "a user with a RAM policy for actiontrail:LookupEvents alone",
  denied: "a user with AdministratorAccess, and a Deny of everything",
  stranger: "a user of another account with a RAM policy for all of KMS, whom no key policy names",
  service: "a service of the deployment with its own credentials, which a role's trust policy names",
} as const;

export type CallerName = keyof typeof CALLERS;

export const callerNames = Object.keys(CALLERS) as CallerName[];

/** Who calls by the instance protocol. */
export const APPLICATIONS = {
  keyApplication: "an application of the account whose access point lets it use all keys",
  secretApplication: "one whose access point lets it read secrets alone",
} as const;

export type ApplicationName = keyof typeof APPLICATIONS;

const FOREIGN: readonly CallerName[] = ["crossAccountUser", "stranger", "service"];
const ROLE = "worker";
const SERVICE = "oss";

/** What a call is about, made anew for it. One name stands for the alias, user, group, role, policy and device of the account. */
export interface Things {
  readonly keyId: string;
  readonly arn: string;
  /** The key as the caller names it: by its ARN where it is another account's. */
  readonly key: string;
  readonly keyPolicy: string;
  readonly blob: string;
  readonly name: string;
  readonly userAccessKeyId: string;
  readonly accountId: string;
  /** Of the account, empty where the call is about none. */
  readonly instanceId: string;
  readonly shareId: string;
  /** The other account. */
  readonly otherAccountId: string;
}

const MAX_ATTEMPTS = 10;

/** An account with a key, callers with rights of each kind, and one server. */
export class RightsWorld implements AsyncDisposable {
  readonly root: CinnabarClient;
  readonly #world: StsWorld;
  readonly applications: Readonly<Record<ApplicationName, Application>>;
  readonly #callers: Readonly<Record<CallerName, CinnabarClient>>;

  private constructor(
    world: StsWorld,
    callers: Readonly<Record<CallerName, CinnabarClient>>,
    applications: Readonly<Record<ApplicationName, Application>>,
  ) {
    this.#world = world;
    this.#callers = callers;
    this.applications = applications;
    this.root = callers.root;
  }

  static async start(database: TestDatabase): Promise<RightsWorld> {
    const world = await StsWorld.start(database);
    const { one, other } = world;
    const root = world.client(one.credentials);
    const ram = (action: string, wire: Wire) => root.call(action, wire, RAM);
    const roleArn = await world.createRole(one, ROLE, {
      trust: [trusts({ RAM: arnOf(one, "root") })],
      statements: NOTHING,
    });
    await ram("AttachPolicyToRole", { RoleName: ROLE, ...system("AliyunKMSCryptoUserAccess") });
    const assumer = world.client(await world.createUser(one, "assumer", NOTHING));
    await ram("AttachPolicyToUser", { UserName: "assumer", ...system("AliyunSTSAssumeRoleAccess") });
    const instances = new Instances(world.store);
    for (const { accountId } of [one, other]) {
      await instances.create({ accountId: parseId("Account", accountId), type: "software" }, async () => {});
    }
    const narrow = { Policy: policy([allow("kms:Decrypt", "kms:DescribeKey", "ram:*")]) };
    const ofKms = [allow("kms:*")];
    const denied = await world.createUser(one, "denied", [{ ...allow("*"), Effect: "Deny" }]);
    await ram("AttachPolicyToUser", { UserName: "denied", ...system("AdministratorAccess") });
    const callers = {
      root,
      denied: world.client(denied),
      administrator: world.client(await world.createUser(one, "administrator", NOTHING)),
      keyUser: world.client(await world.createUser(one, "key-user", NOTHING)),
      crossAccountUser: world.client(await world.createUser(other, "partner", ofKms)),
      role: world.client(toCredentials(await assume(assumer, roleArn))),
      narrowedSession: world.client(toCredentials(await assume(assumer, roleArn, narrow))),
      assumer,
      auditor: world.client(await world.createUser(one, "auditor", [allow("actiontrail:LookupEvents")])),
      stranger: world.client(await world.createUser(other, "stranger", ofKms)),
      service: await enableService(world, SERVICE),
    };
    const ofSecrets = { name: "secrets", permission: SECRET_USER, resources: ["secret/*"] };
    return new RightsWorld(world, callers, {
      keyApplication: await Application.admit(world, root, { name: "keys", resources: ["key/*"] }),
      secretApplication: await Application.admit(world, root, ofSecrets),
    });
  }

  /** Every operation that is served to AccessKeys. */
  get operations(): readonly DeclaredOperation[] {
    return this.#served.filter(({ version }) => version !== INSTANCE_API_VERSION);
  }

  /** Every operation that is served to applications. */
  get instanceOperations(): readonly DeclaredOperation[] {
    return this.#served.filter(({ version }) => version === INSTANCE_API_VERSION);
  }

  get #served(): readonly DeclaredOperation[] {
    return this.#world.nodes[0]?.pipeline.operations ?? [];
  }

  isForeign(caller: CallerName): boolean {
    return FOREIGN.includes(caller);
  }

  /** How a call is refused; `undefined` for success. */
  async refusal(
    caller: CallerName,
    call: { action: string; wire: Wire; version: string },
  ): Promise<ServiceError | undefined> {
    for (let attempts = 1; ; attempts++) {
      try {
        await this.#callers[caller].call(call.action, call.wire, { version: call.version });
        return undefined;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        // A dear read beside nothing but changes of rights is told to come again, and says nothing of rights.
        if (error.code !== "ServiceUnavailableTemporary" || attempts === MAX_ATTEMPTS) return error;
      }
    }
  }

  /** A key with its policy, an alias and a ciphertext of it. */
  async makeKey(): Promise<Pick<Things, "keyId" | "arn" | "keyPolicy" | "blob" | "name" | "accountId">> {
    const { accountId } = this.#world.one;
    const name = randomName();
    const keyPolicy = this.#keyPolicy();
    const { KeyId: keyId, Arn: arn } = await createKey(this.root, { Policy: keyPolicy });
    await this.root.call("CreateAlias", { AliasName: `alias/${name}`, KeyId: keyId });
    const { CiphertextBlob } = await this.root.call("Encrypt", { KeyId: keyId, Plaintext: "text" });
    return { keyId, arn, keyPolicy, blob: CiphertextBlob as string, name, accountId };
  }

  /** An instance, and a share of another one with the other account, as far as the operation can be about them. */
  async makeShared({
    parameters,
    product,
  }: DeclaredOperation): Promise<Pick<Things, "instanceId" | "shareId" | "otherAccountId">> {
    const { one, other, store } = this.#world;
    const isAbout = product === "ResourceSharing" || Object.hasOwn(parameters, "KmsInstanceId");
    if (!isAbout) return { instanceId: "", shareId: "", otherAccountId: other.accountId };
    const newInstance = { accountId: parseId("Account", one.accountId), type: "software" } as const;
    const instanceId = await new Instances(store).create(newInstance, async () => {});
    if (product !== "ResourceSharing") return { instanceId, shareId: "", otherAccountId: other.accountId };
    const wire = {
      ResourceShareName: "share",
      "Resources.1.ResourceId": instanceId,
      "Resources.1.ResourceType": "KMSInstance",
    };
    const { ResourceShare } = await this.root.call("CreateResourceShare", wire, { version: "2020-01-10" });
    const { ResourceShareId: shareId } = ResourceShare as { ResourceShareId: string };
    return { instanceId, shareId, otherAccountId: other.accountId };
  }

  /** Of a user with an AccessKey, a group, a role and a policy of two versions what an operation can be about. */
  async makeIdentities({
    parameters,
  }: DeclaredOperation): Promise<Pick<Things, "name" | "userAccessKeyId" | "accountId">> {
    const { accountId } = this.#world.one;
    const name = randomName();
    const ram = (action: string, wire: Wire) => this.root.call(action, wire, RAM);
    const isAbout = (...names: readonly string[]) => names.some((parameter) => Object.hasOwn(parameters, parameter));
    let userAccessKeyId = "";
    if (isAbout("UserName")) {
      await ram("CreateUser", { UserName: name });
      const { AccessKey } = await ram("CreateAccessKey", { UserName: name });
      userAccessKeyId = (AccessKey as { AccessKeyId: string }).AccessKeyId;
    }
    if (isAbout("GroupName")) await ram("CreateGroup", { GroupName: name });
    if (isAbout("RoleName", "RoleArn", "ResourceNames", "AuthResource")) {
      await ram("CreateRole", { RoleName: name, AssumeRolePolicyDocument: this.#trustPolicy });
    }
    if (isAbout("PolicyName")) {
      await ram("CreatePolicy", { PolicyName: name, PolicyDocument: SOME_POLICY });
      await ram("CreatePolicyVersion", { PolicyName: name, PolicyDocument: SOME_POLICY });
    }
    return { name, userAccessKeyId, accountId };
  }

  get #trustPolicy(): string {
    return policy([trusts({ RAM: arnOf(this.#world.one, "root") }), trusts({ Service: `${SERVICE}.aliyuncs.com` })]);
  }

  #keyPolicy(): string {
    const { one, other } = this.#world;
    const admits = (principals: readonly string[], Action: readonly string[]) => {
      return { Effect: "Allow", Principal: { RAM: principals }, Action, Resource: ["*"] };
    };
    return policy([
      admits([arnOf(one, "*")], ["kms:*"]),
      admits([arnOf(one, "user/administrator")], OF_ADMINISTRATORS),
      admits([arnOf(one, "user/key-user"), arnOf(other, "user/partner")], OF_USERS),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#world[Symbol.asyncDispose]();
  }
}

/** A policy that is about nothing there is: of those whom none allows anything. */
const NOTHING = [allow("oss:GetObject")];

export const SOME_POLICY = policy([allow("kms:*")]);

function arnOf({ accountId }: { readonly accountId: string }, relative: string): string {
  return `acs:ram::${accountId}:${relative}`;
}

function system(PolicyName: string): Wire {
  return { PolicyType: "System", PolicyName };
}

function randomName(): string {
  return `n${randomBytes(8).toString("hex")}`;
}
