import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import {
  type Answer,
  type Backend,
  ControlStore,
  type DeclaredOperation,
  FileSeal,
  openEvents,
  readBatchRow,
  openDeploymentKeys,
  parseId,
  RowGuard,
} from "@cinnabar/kernel";
import { type InstanceQuotas, Instances } from "@cinnabar/kms";
import { Administration, type KeepAccessKey } from "@cinnabar/ram";
import { signAcs3, type SignedRequest, SigningSecret } from "@cinnabar/rpc";
import type { TestDatabase } from "@cinnabar/testkit";
import { openDatabase } from "../../src/database.ts";
import { CinnabarNode } from "../../src/node.ts";

const HOST = "kms.test";
const VERSION = "2016-01-20";

export const REGION = "cn-hangzhou";

export type Wire = Readonly<Record<string, string>>;

/** An audit event, as far as isolation looks at it. */
export interface StoredEvent {
  readonly eventId: string;
  readonly recipientAccountId: string;
  readonly userIdentity: { readonly accountId: string };
  /** All of it. */
  readonly text: string;
}

/** A node that serves two accounts on a database of its own. Calls go into the pipeline, signed, without a socket. */
export class TwoAccounts implements AsyncDisposable {
  readonly one: AccountCaller;
  readonly other: AccountCaller;
  /** What the operator does with instances. */
  readonly instances: Instances;
  readonly #node: CinnabarNode;
  readonly #backend: Backend;
  readonly #administration: Administration;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    node: CinnabarNode;
    backend: Backend;
    administration: Administration;
    instances: Instances;
    credentials: readonly [Credentials, Credentials];
    resources: AsyncDisposableStack;
  }) {
    this.#node = parts.node;
    this.#backend = parts.backend;
    this.#administration = parts.administration;
    this.instances = parts.instances;
    this.#resources = parts.resources;
    const [one, other] = parts.credentials;
    this.one = new AccountCaller(parts.node, one);
    this.other = new AccountCaller(parts.node, other);
  }

  static async start(database: TestDatabase): Promise<TwoAccounts> {
    await using resources = new AsyncDisposableStack();
    const path = await mkdtemp(join(tmpdir(), "cinnabar-isolation-"));
    resources.defer(() => rm(path, { recursive: true }));
    const { url } = resources.use(await database.create());
    const made: Credentials[] = [];
    const keep: KeepAccessKey = async ({ accountId, accessKeyId, secret }) => {
      made.push({ accountId, accessKeyId, secret: new SigningSecret(secret) });
    };
    const seal = new FileSeal(join(path, "root.key"));
    const node = resources.use(
      await CinnabarNode.start({
        database: url,
        seal,
        nodeId: randomBytes(16).toString("hex"),
        listen: { host: "127.0.0.1", port: 0 },
        adminListen: { host: "127.0.0.1", port: 0 },
        tls: undefined,
        create: { region: REGION, origin: "server.test/isolation", clockOffset: 0, keep },
        log: { level: "silent", destination: new Writable({ write: (_chunk, _encoding, done) => done() }) },
        nonceSlots: 2 ** 16,
        trustedProxies: [],
        maxConnectionsPerAddress: 16,
        fatal(reason) {
          throw new Error(reason);
        },
      }),
    );
    const backend = resources.adopt(await openDatabase(url), (opened) => opened.close());
    const rootKey = await seal.open();
    if (rootKey === undefined) throw new Error("the node has made no root key");
    const keys = await openDeploymentKeys(backend, rootKey);
    const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
    const administration = new Administration({ store, keys });
    await administration.createAccount(keep);
    const [one, other] = made;
    if (one === undefined || other === undefined) throw new Error("there are not two accounts");
    return new TwoAccounts({
      node,
      backend,
      administration,
      instances: new Instances(store),
      credentials: [one, other],
      resources: resources.move(),
    });
  }

  /** Every operation that is served. */
  get operations(): readonly DeclaredOperation[] {
    return this.#node.pipeline.operations;
  }

  /** The root of one more account. */
  async addAccount(): Promise<AccountCaller> {
    let made: Credentials | undefined;
    await this.#administration.createAccount(async ({ accountId, accessKeyId, secret }) => {
      made = { accountId, accessKeyId, secret: new SigningSecret(secret) };
    });
    if (made === undefined) throw new Error("no account was made");
    return new AccountCaller(this.#node, made);
  }

  /** A software instance of an account. */
  async addInstance({ accountId }: AccountCaller, quotas: Partial<InstanceQuotas> = {}): Promise<string> {
    return this.instances.create(
      { accountId: parseId("Account", accountId), type: "software", quotas },
      async () => {},
    );
  }

  /** The API's URL, for what needs a socket. */
  get url(): string {
    return this.#node.url;
  }

  /** Sends a request that is signed already. */
  send(request: SignedRequest, sourceAddress = "127.0.0.1"): Promise<Answer> {
    const http = { ...request, headers: { ...request.headers, host: HOST } };
    return new Promise((respond) => this.#node.pipeline.handle({ http, sourceAddress, isSecure: true, respond }));
  }

  /** Writes to the database as somebody does who has no key of it. */
  async tamper(sql: string): Promise<void> {
    await this.#backend.transaction("write", async (connection) => void (await connection.execute(sql, [])));
  }

  async readEvents(): Promise<StoredEvent[]> {
    const { rows } = await this.#backend.reader.execute("SELECT * FROM audit_batch ORDER BY shard, seq", []);
    return rows.flatMap((raw) =>
      (openEvents(readBatchRow(raw)) ?? []).map((text) => ({ ...(JSON.parse(text) as StoredEvent), text })),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

interface Credentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secret: SigningSecret;
}

/** The root of one account. */
export class AccountCaller {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly #node: CinnabarNode;
  readonly #secret: SigningSecret;

  constructor(node: CinnabarNode, { accountId, accessKeyId, secret }: Credentials) {
    this.#node = node;
    this.accountId = accountId;
    this.accessKeyId = accessKeyId;
    this.#secret = secret;
  }

  attempt(action: string, parameters: Wire = {}, version = VERSION): Promise<Answer> {
    const { method, url, headers, body } = signAcs3({
      protocol: "ACS3-HMAC-SHA256",
      method: "POST",
      host: HOST,
      action,
      version,
      form: new Map(Object.entries(parameters)),
      accessKeyId: this.accessKeyId,
      secret: this.#secret,
      nonce: randomUUID(),
      timestampMillis: Date.now(),
    });
    return new Promise((resolve) => {
      this.#node.pipeline.handle({
        http: { method, url, headers: { ...headers, host: HOST }, body },
        sourceAddress: "127.0.0.1",
        isSecure: false,
        respond: resolve,
      });
    });
  }

  /** The fields of an answer that must be a success. */
  async call<Fields>(action: string, parameters: Wire = {}, version = VERSION): Promise<Fields> {
    const { status, body } = await this.attempt(action, parameters, version);
    if (status !== 200) throw new Error(`${action} was refused: ${String(body)}`);
    return JSON.parse(String(body)) as Fields;
  }
}
