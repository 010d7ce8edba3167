import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { CinnabarClient, type Credentials, ServiceError } from "@cinnabar/client";
import {
  type AccountId,
  type Answer,
  type Backend,
  ControlStore,
  type DeploymentKeys,
  FileSeal,
  openDeploymentKeys,
  openEvents,
  parseId,
  readBatchRow,
  type RootKey,
  RowGuard,
} from "@cinnabar/kernel";
import { Administration, type KeepAccessKey, OidcProviders, Services } from "@cinnabar/ram";
import type { SignedRequest } from "@cinnabar/rpc";
import type { TestDatabase } from "@cinnabar/testkit";
import { openDatabase } from "../../src/database.ts";
import { CinnabarNode, type NodeOptions } from "../../src/node.ts";

export const RAM = { version: "2015-05-01" };
export const STS = { version: "2015-04-01" };

/** The account of a deployment and its root's credentials. */
export interface Account {
  readonly accountId: AccountId;
  readonly credentials: Credentials;
}

/** An audit event as it is stored, and its text. */
export interface StoredEvent {
  readonly eventId: string;
  readonly eventName: string;
  readonly errorCode?: string;
  readonly recipientAccountId: string;
  readonly userIdentity: Readonly<Record<string, unknown>>;
  readonly additionalEventData: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Nodes on one database, two of them where the database serves several, and two accounts. */
export class StsWorld implements AsyncDisposable {
  readonly nodes: readonly CinnabarNode[];
  readonly one: Account;
  readonly other: Account;
  readonly rootKey: RootKey;
  readonly store: ControlStore;
  readonly keys: DeploymentKeys;
  readonly administration: Administration;
  readonly providers: OidcProviders;
  /** All that the nodes have logged. */
  readonly logged: string[];
  readonly #backend: Backend;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    nodes: readonly CinnabarNode[];
    accounts: readonly Account[];
    rootKey: RootKey;
    keys: DeploymentKeys;
    store: ControlStore;
    backend: Backend;
    logged: string[];
    resources: AsyncDisposableStack;
  }) {
    const [one, other] = parts.accounts;
    if (one === undefined || other === undefined) throw new Error("there are not two accounts");
    this.nodes = parts.nodes;
    this.one = one;
    this.other = other;
    this.rootKey = parts.rootKey;
    this.store = parts.store;
    this.keys = parts.keys;
    this.administration = new Administration({ store: parts.store, keys: parts.keys });
    this.providers = new OidcProviders(parts.store);
    this.logged = parts.logged;
    this.#backend = parts.backend;
    this.#resources = parts.resources;
  }

  static async start(database: TestDatabase): Promise<StsWorld> {
    await using resources = new AsyncDisposableStack();
    const path = await mkdtemp(join(tmpdir(), "cinnabar-sts-"));
    resources.defer(() => rm(path, { recursive: true }));
    const { url } = resources.use(await database.create());
    const accounts: Account[] = [];
    const logged: string[] = [];
    const keep: KeepAccessKey = async ({ accountId, accessKeyId, secret }) => {
      accounts.push({ accountId, credentials: { accessKeyId, accessKeySecret: secret.toString("latin1") } });
    };
    const seal = new FileSeal(join(path, "root.key"));
    const options: NodeOptions = {
      database: url,
      seal,
      nodeId: randomBytes(16).toString("hex"),
      listen: { host: "127.0.0.1", port: 0 },
      adminListen: { host: "127.0.0.1", port: 0 },
      tls: undefined,
      create: { region: "cn-hangzhou", origin: "server.test/sts", clockOffset: 0, keep },
      log: {
        level: "info",
        destination: new Writable({
          write(chunk, _encoding, done) {
            logged.push(String(chunk));
            done();
          },
        }),
      },
      nonceSlots: 2 ** 16,
      trustedProxies: [],
      maxConnectionsPerAddress: 64,
      fatal(reason) {
        throw new Error(reason);
      },
    };
    const nodes = [resources.use(await CinnabarNode.start(options))];
    // SQLite is written by one process.
    if (database.name === "postgresql") {
      const nodeId = randomBytes(16).toString("hex");
      nodes.push(resources.use(await CinnabarNode.start({ ...options, nodeId })));
    }
    const backend = resources.adopt(await openDatabase(url), (opened) => opened.close());
    const rootKey = await seal.open();
    if (rootKey === undefined) throw new Error("the node has made no root key");
    const keys = await openDeploymentKeys(backend, rootKey);
    const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
    await new Administration({ store, keys }).createAccount(keep);
    return new StsWorld({ nodes, accounts, rootKey, keys, store, backend, logged, resources: resources.move() });
  }

  /** Somebody who calls, by default the first node. */
  client(credentials: Credentials, node = 0): CinnabarClient {
    const { url } = this.nodes[node % this.nodes.length] ?? {};
    if (url === undefined) throw new Error("there is no node");
    const client = new CinnabarClient({ endpoint: new URL(url), credentials });
    this.#resources.defer(() => client.close());
    return client;
  }

  /** Sends a request that is signed already, to the first node. */
  async send({ method, url, headers, body }: SignedRequest): Promise<Answer> {
    const response = await fetch(new URL(url, this.nodes[0]?.url), { method, headers, body: Buffer.from(body) });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, body: bytes, format: "PROTOBUF", requestId: "" };
  }

  /** Makes a user with a policy of its own. */
  async createUser(account: Account, name: string, statements: readonly object[]): Promise<Credentials> {
    const root = this.client(account.credentials);
    await root.call("CreateUser", { UserName: name }, RAM);
    await this.attach(root, {
      policy: `for-${name}`,
      statements,
      to: { UserName: name },
      action: "AttachPolicyToUser",
    });
    const { AccessKey } = await root.call("CreateAccessKey", { UserName: name }, RAM);
    const { AccessKeyId, AccessKeySecret } = AccessKey as { AccessKeyId: string; AccessKeySecret: string };
    return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret };
  }

  /** Makes a role, and gives its ARN. */
  async createRole(
    account: Account,
    name: string,
    { trust, statements }: { readonly trust: readonly object[]; readonly statements: readonly object[] },
  ): Promise<string> {
    const root = this.client(account.credentials);
    await root.call("CreateRole", { RoleName: name, AssumeRolePolicyDocument: policy(trust) }, RAM);
    await this.attach(root, {
      policy: `for-${name}`,
      statements,
      to: { RoleName: name },
      action: "AttachPolicyToRole",
    });
    return `acs:ram::${account.accountId}:role/${name}`;
  }

  /** Makes a role that its account trusts, and begins a session of it, of which it gives the ARN as well. */
  async createSession(
    account: Account,
    name: string,
    statements: readonly object[],
  ): Promise<{ readonly arn: string; readonly client: CinnabarClient }> {
    const trust = [trusts({ RAM: `acs:ram::${account.accountId}:root` })];
    const arn = await this.createRole(account, name, { trust, statements });
    const assumer = this.client(await this.createUser(account, `assumes-${name}`, [allow("sts:AssumeRole")]));
    return { arn, client: this.client(toCredentials(await assume(assumer, arn))) };
  }

  async attach(
    root: CinnabarClient,
    given: {
      readonly policy: string;
      readonly statements: readonly object[];
      readonly to: Readonly<Record<string, string>>;
      readonly action: string;
    },
  ): Promise<void> {
    await root.call("CreatePolicy", { PolicyName: given.policy, PolicyDocument: policy(given.statements) }, RAM);
    await root.call(given.action, { ...given.to, PolicyName: given.policy, PolicyType: "Custom" }, RAM);
  }

  async events(): Promise<StoredEvent[]> {
    const { rows } = await this.#backend.reader.execute("SELECT * FROM audit_batch ORDER BY shard, seq", []);
    return rows.flatMap((raw) =>
      (openEvents(readBatchRow(raw)) ?? []).map((text) => ({ ...(JSON.parse(text) as StoredEvent), text })),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** Makes a key. */
export async function createKey(
  client: CinnabarClient,
  parameters: Readonly<Record<string, string>> = {},
): Promise<{ readonly KeyId: string; readonly Arn: string }> {
  const { KeyMetadata } = await client.call("CreateKey", parameters);
  return KeyMetadata as { KeyId: string; Arn: string };
}

/** A policy document. */
export function policy(statements: readonly object[]): string {
  return JSON.stringify({ Version: "1", Statement: statements });
}

/** A statement that allows actions on everything. */
export function allow(...actions: string[]): object {
  return { Effect: "Allow", Action: actions, Resource: "*" };
}

/** A statement of a trust policy. */
export function trusts(principal: object, condition?: object): object {
  return {
    Effect: "Allow",
    Action: "sts:AssumeRole",
    Principal: principal,
    ...(condition !== undefined && { Condition: condition }),
  };
}

export interface SessionAnswer {
  readonly AssumedRoleUser: { readonly Arn: string; readonly AssumedRoleId: string };
  readonly Credentials: {
    readonly AccessKeyId: string;
    readonly AccessKeySecret: string;
    readonly SecurityToken: string;
    readonly Expiration: string;
  };
}

/** The credentials of a session, as a client takes them. */
export function toCredentials({ Credentials: made }: SessionAnswer): Required<Credentials> {
  return {
    accessKeyId: made.AccessKeyId,
    accessKeySecret: made.AccessKeySecret,
    securityToken: made.SecurityToken,
  };
}

/** Begins a session. */
export async function assume(
  client: CinnabarClient,
  roleArn: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<SessionAnswer> {
  const answer = await client.call("AssumeRole", { RoleArn: roleArn, RoleSessionName: "test", ...parameters }, STS);
  return answer as unknown as SessionAnswer;
}

/** A service of the deployment, which its operator has enabled. */
export async function enableService(world: StsWorld, name: "oss"): Promise<CinnabarClient> {
  let made: Credentials | undefined;
  await new Services(world).create(name, async ({ accessKeyId, secret }) => {
    made = { accessKeyId, accessKeySecret: secret.toString("latin1") };
  });
  if (made === undefined) throw new Error("the service has no AccessKey");
  return world.client(made);
}

/** The code that a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "no error";
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return error.code;
  }
}

export function accountId(text: string): AccountId {
  return parseId("Account", text);
}
