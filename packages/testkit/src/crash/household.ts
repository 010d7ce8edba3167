import { type Answer, type CallParameters, CinnabarClient, type Credentials } from "@cinnabar/client";
import { type AccountId, parseId } from "@cinnabar/kernel";
import type { Instances } from "@cinnabar/kms";
import type { OidcProviders } from "@cinnabar/ram";
import type { IdentityProvider } from "../identity-provider.ts";
import { UNAVAILABLE, untilAnswered, untilDone } from "./refusal-code.ts";

export const RAM = "2015-05-01";
export const RESOURCE_SHARING = "2020-01-10";
const STS = "2015-04-01";
const REGION = "cn-hangzhou";
/** Of every household. */
export const POLICY = { PolicyType: "Custom", PolicyName: "encrypts" } as const;

/** As a statement has them. */
type Principals = Readonly<Record<string, readonly string[]>>;

export interface User {
  readonly name: string;
  readonly credentials: Credentials;
}

/** An account with a key and a policy to encrypt, and whoever it makes. Names of users, groups and roles are new ones. */
export class Household implements Disposable {
  readonly accountId: AccountId;
  readonly root: CinnabarClient;
  /** Id of a key with the default policy. */
  readonly keyId: string;
  readonly #endpoint: URL;
  #made = 0;

  private constructor(parts: { accountId: AccountId; root: CinnabarClient; keyId: string; endpoint: URL }) {
    this.accountId = parts.accountId;
    this.root = parts.root;
    this.keyId = parts.keyId;
    this.#endpoint = parts.endpoint;
  }

  /** @param credentials - of the account's root. */
  static async establish(endpoint: URL, credentials: Credentials): Promise<Household> {
    const root = new CinnabarClient({ endpoint, credentials });
    const { keyId, accountId } = await createKey(root);
    const household = new Household({ accountId, root, keyId, endpoint });
    await household.ram("CreatePolicy", { PolicyName: POLICY.PolicyName, PolicyDocument: encrypts("Allow") });
    return household;
  }

  /** Calls RAM until it has done so: many change something at the same time. */
  async ram(action: string, parameters: CallParameters): Promise<Answer> {
    const call = () => this.root.call(action, parameters, { version: RAM });
    return (await untilDone(call, (code) => code.startsWith("EntityAlreadyExists"))) ?? {};
  }

  /** With an AccessKey, and no right. */
  async user(): Promise<User> {
    const name = this.#name("user");
    await this.ram("CreateUser", { UserName: name });
    const { AccessKey } = await this.ram("CreateAccessKey", { UserName: name });
    const { AccessKeyId, AccessKeySecret } = AccessKey as { AccessKeyId: string; AccessKeySecret: string };
    return { name, credentials: { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret } };
  }

  async attach({ name }: User): Promise<void> {
    await this.ram("AttachPolicyToUser", { UserName: name, ...POLICY });
  }

  /** Attaches a policy to encrypt that nobody else has, and gives its name. */
  async attachOwn({ name }: User): Promise<string> {
    const PolicyName = await this.policy("Allow");
    await this.ram("AttachPolicyToUser", { UserName: name, PolicyType: "Custom", PolicyName });
    return PolicyName;
  }

  /** Makes a policy that allows or denies to encrypt, and gives its name. */
  async policy(effect: "Allow" | "Deny"): Promise<string> {
    const PolicyName = this.#name("policy");
    await this.ram("CreatePolicy", { PolicyName, PolicyDocument: encrypts(effect) });
    return PolicyName;
  }

  /** Makes a group that may encrypt, and gives its name. */
  async group(): Promise<string> {
    const GroupName = this.#name("group");
    await this.ram("CreateGroup", { GroupName });
    await this.ram("AttachPolicyToGroup", { GroupName, ...POLICY });
    return GroupName;
  }

  /** Makes a role without rights that the account's users may assume, or somebody else, and gives its name. */
  async role(trusted: Principals = { RAM: [this.arn("root")] }): Promise<string> {
    const RoleName = this.#name("role");
    const AssumeRolePolicyDocument = trusts(trusted);
    await this.ram("CreateRole", { RoleName, AssumeRolePolicyDocument });
    return RoleName;
  }

  /** Begins a session of a role that the account's users may assume. */
  async session(role: string): Promise<Credentials> {
    const user = await this.user();
    const policy = { PolicyType: "System", PolicyName: "AliyunSTSAssumeRoleAccess" };
    await this.ram("AttachPolicyToUser", { UserName: user.name, ...policy });
    return this.sessionOf(user.credentials, role);
  }

  /** Begins a session of a role for whoever may assume it. */
  async sessionOf(credentials: Credentials, role: string): Promise<Credentials> {
    const client = new CinnabarClient({ endpoint: this.#endpoint, credentials });
    const parameters = { RoleArn: this.arn(`role/${role}`), RoleSessionName: "session" };
    const assume = () => client.call("AssumeRole", parameters, { version: STS });
    const answer = await untilAnswered(assume);
    client.close();
    return toCredentials(answer);
  }

  /** Registers a provider for a role of its own that may encrypt, and begins a session with one of its tokens. */
  async federatedSession(
    { providers }: { readonly providers: OidcProviders },
    idp: IdentityProvider,
  ): Promise<{ readonly provider: string; readonly credentials: Credentials }> {
    const provider = this.#name("provider");
    await providers.create(this.accountId, {
      name: provider,
      issuer: idp.issuer,
      clientIds: [idp.audience],
      ca: idp.ca,
      allowsLocalAddresses: true,
    });
    const OIDCProviderArn = this.arn(`oidc-provider/${provider}`);
    const RoleName = await this.role({ Federated: [OIDCProviderArn] });
    await this.ram("AttachPolicyToRole", { RoleName, ...POLICY });
    const form = {
      Action: "AssumeRoleWithOIDC",
      Version: STS,
      Format: "JSON",
      OIDCProviderArn,
      RoleArn: this.arn(`role/${RoleName}`),
      RoleSessionName: "session",
      OIDCToken: await idp.issueToken(),
    };
    for (;;) {
      const response = await fetch(this.#endpoint, { method: "POST", body: new URLSearchParams(form) });
      const answer = (await response.json()) as Answer;
      if (response.ok) return { provider, credentials: toCredentials(answer) };
      if (answer["Code"] !== UNAVAILABLE) throw new Error(`no session began with the token: ${JSON.stringify(answer)}`);
    }
  }

  /** Makes a key that its policy opens to somebody, and gives its id. */
  async key(principal: string): Promise<string> {
    return (await createKey(this.root, { Policy: this.keyPolicy(principal) })).keyId;
  }

  /** Makes a key with the default policy in an instance, and gives its id. */
  async keyIn(instanceId: string): Promise<string> {
    return (await createKey(this.root, { DKMSInstanceId: instanceId })).keyId;
  }

  /** Has an instance made, shares it with another household, and gives what names that in a share. */
  async shareInstance(
    instances: Instances,
    guest: Household,
  ): Promise<{ readonly instanceId: string; readonly share: CallParameters }> {
    const instanceId = await instances.create({ accountId: this.accountId, type: "software" }, async () => {});
    const parameters = {
      ResourceShareName: this.#name("share"),
      "Resources.1.ResourceId": instanceId,
      "Resources.1.ResourceType": "KMSInstance",
      "Targets.1": guest.accountId,
    };
    const call = () => this.root.call("CreateResourceShare", parameters, { version: RESOURCE_SHARING });
    const { ResourceShareId } = (await untilAnswered(call))["ResourceShare"] as { ResourceShareId: string };
    return { instanceId, share: { ResourceShareId, "Targets.1": guest.accountId } };
  }

  /** A key policy that leaves the key to the account, and lets others encrypt. */
  keyPolicy(...principals: readonly string[]): string {
    const toAccount = statement("Allow", { Action: "kms:*", Principal: { RAM: [this.arn("*")] } });
    const toOthers = statement("Allow", { Action: "kms:Encrypt", Principal: { RAM: principals } });
    return document([toAccount, ...(principals.length === 0 ? [] : [toOthers])]);
  }

  arn(relative: string): string {
    return `acs:ram::${this.accountId}:${relative}`;
  }

  keyArn(keyId: string): string {
    return `acs:kms:${REGION}:${this.accountId}:key/${keyId}`;
  }

  [Symbol.dispose](): void {
    this.root.close();
  }

  #name(of: string): string {
    return `${of}-${++this.#made}`;
  }
}

function toCredentials(answer: Answer): Credentials {
  const session = answer["Credentials"] as { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string };
  return {
    accessKeyId: session.AccessKeyId,
    accessKeySecret: session.AccessKeySecret,
    securityToken: session.SecurityToken,
  };
}

async function createKey(
  root: CinnabarClient,
  parameters: CallParameters = {},
): Promise<{ readonly keyId: string; readonly accountId: AccountId }> {
  const answer = await untilAnswered(() => root.call("CreateKey", parameters));
  const { KeyId, Creator } = answer["KeyMetadata"] as { KeyId: string; Creator: string };
  return { keyId: KeyId, accountId: parseId("Account", Creator) };
}

/** A policy of an identity. */
export function encrypts(effect: "Allow" | "Deny"): string {
  return document([statement(effect, { Action: "kms:Encrypt" })]);
}

/** The trust policy of a role. */
export function trusts(Principal: Principals): string {
  return document([{ Effect: "Allow", Action: "sts:AssumeRole", Principal }]);
}

function statement(Effect: "Allow" | "Deny", about: Readonly<Record<string, unknown>>): object {
  return { Effect, Resource: "*", ...about };
}

function document(statements: readonly object[]): string {
  return JSON.stringify({ Version: "1", Statement: statements });
}
