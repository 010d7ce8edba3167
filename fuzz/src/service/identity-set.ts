import { randomBytes } from "node:crypto";
import { CinnabarClient, type Credentials } from "@cinnabar/client";
import { type IdentityPlaceholder, PASSWORD, POLICY, TRUST } from "./identity-seeds.ts";
import type { Service } from "./service.ts";
import { signedForm } from "./sign-bytes.ts";
import { stepNow, totpCode } from "./totp.ts";

const RAM = { version: "2015-05-01" };

type Fields = Readonly<Record<string, string>>;

/** Users, groups, roles and policies for mutated calls to name, and who makes these calls. */
export interface IdentitySet {
  readonly credentials: Credentials;
  readonly values: Readonly<Record<IdentityPlaceholder, string>>;
}

/**
 * Makes them in an account of their own: an account has few groups, and mutated calls make more. The caller is a user who may
 * do everything, since the root of an account assumes no role and has no password.
 */
export async function makeIdentitySet(service: Service): Promise<IdentitySet> {
  const { accountId, credentials: rootCredentials } = await service.createAccount();
  const { endpoint } = service.server;
  const root = new CinnabarClient({ endpoint, credentials: rootCredentials });
  try {
    const maker = new IdentityMaker(root, { accountId, name: `f${randomBytes(8).toString("hex")}` });
    const credentials = await maker.makeCaller();
    const { UserKey, UserSecret } = await maker.makeUsers();
    await maker.makePolicies();
    await maker.makeRoles();
    await maker.attachPolicies();
    const device = await maker.makeDevices();
    const { KeyMetadata } = await root.call("CreateKey", {});
    const user = { accessKeyId: UserKey, accessKeySecret: UserSecret };
    const step = stepNow();
    const values = {
      "@NAME@": maker.name,
      "@ACCOUNT@": accountId,
      "@USER_KEY@": UserKey,
      // Of now and of what comes next: good for as long as codes are.
      "@CODE@": totpCode(device.seed, step),
      "@NEXT_CODE@": totpCode(device.seed, step + 1),
      "@TAGS@": await maker.nextTags(),
      "@DIAGNOSIS@": await diagnosisOf(endpoint, user),
      "@KEY@": (KeyMetadata as { KeyId: string }).KeyId,
    };
    return { credentials, values };
  } finally {
    root.close();
  }
}

class IdentityMaker {
  readonly name: string;
  readonly #root: CinnabarClient;
  readonly #accountId: string;

  constructor(root: CinnabarClient, { accountId, name }: { accountId: string; name: string }) {
    this.name = name;
    this.#root = root;
    this.#accountId = accountId;
  }

  async makeCaller(): Promise<Credentials> {
    const UserName = `${this.name}-caller`;
    await this.#call("CreateUser", { UserName });
    const everything = { PolicyType: "System", PolicyName: "AdministratorAccess" };
    await this.#call("AttachPolicyToUser", { UserName, ...everything });
    await this.#call("CreateLoginProfile", { UserName, Password: PASSWORD });
    const { AccessKey } = await this.#call("CreateAccessKey", { UserName });
    const { AccessKeyId: accessKeyId = "", AccessKeySecret: accessKeySecret = "" } = AccessKey as Fields;
    return { accessKeyId, accessKeySecret };
  }

  /** With their groups. */
  async makeUsers(): Promise<{ readonly UserKey: string; readonly UserSecret: string }> {
    const { name } = this;
    for (const own of this.#names) {
      await this.#call("CreateUser", { UserName: own });
      await this.#call("CreateGroup", { GroupName: own });
    }
    await this.#call("AddUserToGroup", { UserName: name, GroupName: name });
    await this.#call("CreateLoginProfile", { UserName: name, Password: PASSWORD });
    await this.#call("SetAccountAlias", { AccountAlias: name });
    const { AccessKey } = await this.#call("CreateAccessKey", { UserName: name });
    const { AccessKeyId: UserKey = "", AccessKeySecret: UserSecret = "" } = AccessKey as Fields;
    return { UserKey, UserSecret };
  }

  /** One of a version, two of two. */
  async makePolicies(): Promise<void> {
    for (const PolicyName of this.#names) await this.#call("CreatePolicy", { PolicyName, PolicyDocument: POLICY });
    for (const PolicyName of [this.name, `${this.name}-plain`]) {
      await this.#call("CreatePolicyVersion", { PolicyName, PolicyDocument: POLICY });
    }
  }

  async makeRoles(): Promise<void> {
    const AssumeRolePolicyDocument = TRUST.replace("@ACCOUNT@", this.#accountId);
    const Tag = JSON.stringify(["team", "stage"].map((Key) => ({ Key, Value: "blue" })));
    for (const RoleName of this.#names) await this.#call("CreateRole", { RoleName, AssumeRolePolicyDocument, Tag });
  }

  async attachPolicies(): Promise<void> {
    const policy = { PolicyType: "Custom", PolicyName: this.name };
    for (const kind of ["User", "Group", "Role"]) {
      await this.#call(`AttachPolicyTo${kind}`, { [`${kind}Name`]: this.name, ...policy });
    }
  }

  /** One that is bound, one to be bound, which is given, and one to be deleted. */
  async makeDevices(): Promise<{ readonly seed: string }> {
    const make = async (VirtualMFADeviceName: string) => {
      const { VirtualMFADevice } = await this.#call("CreateVirtualMFADevice", { VirtualMFADeviceName });
      const { SerialNumber: serialNumber = "", Base32StringSeed: seed = "" } = VirtualMFADevice as Fields;
      return { serialNumber, seed };
    };
    const bound = await make(this.name);
    const now = stepNow();
    await this.#call("BindMFADevice", {
      UserName: this.name,
      SerialNumber: bound.serialNumber,
      AuthenticationCode1: totpCode(bound.seed, now - 1),
      AuthenticationCode2: totpCode(bound.seed, now),
    });
    await make(`${this.name}-spare`);
    return make(`${this.name}-plain`);
  }

  /** A token that asks for a second page. */
  async nextTags(): Promise<string> {
    const { NextToken } = await this.#call("ListTagResources", { ResourceType: "role", PageSize: "1" });
    return String(NextToken);
  }

  get #names(): readonly string[] {
    return [this.name, `${this.name}-plain`, `${this.name}-spare`];
  }

  #call(action: string, parameters: Fields) {
    return this.#root.call(action, parameters, RAM);
  }
}

/** What a refusal lets somebody be told about it. */
async function diagnosisOf(endpoint: URL, refused: Credentials): Promise<string> {
  const call = { Action: "ListUsers", Version: RAM.version };
  const fields = Object.entries(call).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const);
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new Uint8Array(signedForm(fields, refused)),
  });
  const { AccessDeniedDetail } = (await response.json()) as { AccessDeniedDetail?: Fields };
  const diagnosis = AccessDeniedDetail?.["EncodedDiagnosticMessage"];
  if (diagnosis === undefined) throw new Error("a call was not refused, or nobody is told why");
  return diagnosis;
}
