import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import {
  type Answer,
  type Backend,
  FileSeal,
  openEvents,
  readBatchRow,
  type RowGuard,
  type SqlRow,
} from "@cinnabar/kernel";
import { signAcs3, SigningSecret } from "@cinnabar/rpc";
import type { TestDatabase } from "@cinnabar/testkit";
import { openDatabase } from "../../src/database.ts";
import { CinnabarNode, type NodeOptions } from "../../src/node.ts";
import { cinnabar } from "./cinnabar.ts";

const HOST = "kms.test";

export const REGION = "cn-hangzhou";
export const ORIGIN = "server.test/destruction";
export const DAY_MILLIS = 24 * 60 * 60 * 1000;

export type Wire = Readonly<Record<string, string>>;

interface Credentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** An event of the control log that Cinnabar made about itself. */
export interface SystemEvent {
  readonly eventName: string;
  readonly eventTime: string;
  readonly recipientAccountId: string;
  readonly resourceName?: string;
  readonly additionalEventData: Readonly<Record<string, unknown>>;
}

/** A deployment whose time a test moves while no node runs on it. */
export class DestructionRig implements AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly owner: Credentials;
  /** The test's own connection. */
  readonly backend: Backend;
  readonly verifierKey: string;
  readonly #guard: RowGuard;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    url: string;
    folder: string;
    owner: Credentials;
    backend: Backend;
    verifierKey: string;
    guard: RowGuard;
    resources: AsyncDisposableStack;
  }) {
    this.url = parts.url;
    this.folder = parts.folder;
    this.owner = parts.owner;
    this.backend = parts.backend;
    this.verifierKey = parts.verifierKey;
    this.#guard = parts.guard;
    this.#resources = parts.resources;
  }

  /** @param startsDaysAgo - how far the store's time is behind the database's clock at first. */
  static async create(database: TestDatabase, { startsDaysAgo = 0 } = {}): Promise<DestructionRig> {
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "cinnabar-destruction-"));
    resources.defer(() => rm(folder, { recursive: true }));
    const { url } = resources.use(await database.create());
    let owner: Credentials | undefined;
    const node = await startNode(
      { url, folder },
      {
        create: {
          region: REGION,
          origin: ORIGIN,
          clockOffset: -startsDaysAgo * DAY_MILLIS,
          async keep({ accountId, accessKeyId, secret }) {
            owner = { accountId, accessKeyId, accessKeySecret: secret.toString("latin1") };
          },
        },
      },
    );
    const { guard } = node.store;
    const { verifierKey } = node;
    await node.stop();
    if (owner === undefined) throw new Error("no account was made");
    const backend = resources.adopt(await openDatabase(url), (opened) => opened.close());
    return new DestructionRig({ url, folder, owner, backend, verifierKey, guard, resources: resources.move() });
  }

  /** Where the root key is, for `--seal`. */
  get rootKeyFile(): string {
    return join(this.folder, "root.key");
  }

  start(options: Partial<NodeOptions> = {}): Promise<CinnabarNode> {
    return startNode(this, options);
  }

  /** Runs a node for as long as `body` takes. */
  async serve<T>(
    body: (node: CinnabarNode, owner: Caller) => Promise<T>,
    options: Partial<NodeOptions> = {},
  ): Promise<T> {
    await using node = await this.start(options);
    return await body(node, new Caller(node, this.owner));
  }

  async addAccount(): Promise<Credentials> {
    const file = join(this.folder, `${randomUUID()}.json`);
    const args = [`--data=${this.folder}`, `--database=${this.url}`, `--seal=file:${this.rootKeyFile}`];
    const { code, stderr } = await cinnabar(["account", "create", "-o", file, ...args]);
    if (code !== 0) throw new Error(stderr);
    const { AccountId, AccessKeyId, AccessKeySecret } = JSON.parse(await readFile(file, "utf8")) as Wire;
    return {
      accountId: AccountId ?? "",
      accessKeyId: AccessKeyId ?? "",
      accessKeySecret: AccessKeySecret ?? "",
    };
  }

  /** Moves the store's time, with the sum that it is authenticated with. No node may run. */
  async advance(millis: number): Promise<void> {
    await this.backend.transaction("write", async (connection) => {
      const { rows } = await connection.execute("SELECT * FROM epoch WHERE id = 1", []);
      const epoch = toEpoch(rows[0] ?? {});
      const sum = this.#guard.openSum(epoch.sum, place(epoch));
      const after = { ...epoch, clock_offset: epoch.clock_offset + millis };
      await connection.execute(
        this.backend.kind === "sqlite"
          ? "UPDATE epoch SET clock_offset = ?, sum = ?"
          : "UPDATE epoch SET clock_offset = $1, sum = $2",
        [after.clock_offset, this.#guard.protectSum(sum, place(after))],
      );
    });
  }

  async rows(table: string): Promise<readonly SqlRow[]> {
    return (await this.backend.reader.execute(`SELECT * FROM ${table}`, [])).rows;
  }

  /** How many rows these tables have, in their order. */
  async counts(...tables: readonly string[]): Promise<readonly number[]> {
    return Promise.all(tables.map(async (table) => (await this.rows(table)).length));
  }

  async systemEvents(name: string): Promise<readonly SystemEvent[]> {
    return (await this.controlEvents(name)).filter(({ eventType }) => eventType === "AliyunServiceEvent");
  }

  /** Events of the control log, whoever caused them. */
  async controlEvents(name: string): Promise<readonly (SystemEvent & { readonly eventType: string })[]> {
    const { rows } = await this.backend.reader.execute("SELECT * FROM audit_batch WHERE shard = 0 ORDER BY seq", []);
    return rows
      .flatMap((raw) => openEvents(readBatchRow(raw)) ?? [])
      .map((text) => JSON.parse(text) as SystemEvent & { eventType: string })
      .filter(({ eventName }) => eventName === name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** The root of an account, whose clock is the store's. */
export class Caller {
  readonly #node: CinnabarNode;
  readonly #accessKeyId: string;
  readonly #secret: SigningSecret;

  constructor(node: CinnabarNode, { accessKeyId, accessKeySecret }: Credentials) {
    this.#node = node;
    this.#accessKeyId = accessKeyId;
    this.#secret = new SigningSecret(Buffer.from(accessKeySecret));
  }

  attempt(action: string, parameters: Wire = {}, version = "2016-01-20"): Promise<Answer> {
    const { method, url, headers, body } = signAcs3({
      protocol: "ACS3-HMAC-SHA256",
      method: "POST",
      host: HOST,
      action,
      version,
      form: new Map(Object.entries(parameters)),
      accessKeyId: this.#accessKeyId,
      secret: this.#secret,
      nonce: randomUUID(),
      timestampMillis: this.#node.store.clock.now(),
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

  /** The answer without its RequestId, with its status. */
  async answer(action: string, parameters: Wire = {}): Promise<string> {
    const { status, body, requestId } = await this.attempt(action, parameters);
    return `${status} ${String(body).replaceAll(requestId, "REQUEST")}`;
  }

  async call<Fields = Record<string, unknown>>(
    action: string,
    parameters: Wire = {},
    version?: string,
  ): Promise<Fields> {
    const { status, body } = await this.attempt(action, parameters, version);
    if (status !== 200) throw new Error(`${action} was refused: ${String(body)}`);
    return JSON.parse(String(body)) as Fields;
  }

  /** The code of a refusal. */
  async refusal(action: string, parameters: Wire = {}): Promise<string> {
    const { status, body } = await this.attempt(action, parameters);
    return status === 200 ? "none" : (JSON.parse(String(body)) as { Code: string }).Code;
  }

  async createKey(parameters: Wire = {}): Promise<string> {
    const { KeyMetadata } = await this.call<{ KeyMetadata: { KeyId: string } }>("CreateKey", parameters);
    return KeyMetadata.KeyId;
  }

  async encrypt(keyId: string): Promise<string> {
    const { CiphertextBlob } = await this.call<{ CiphertextBlob: string }>("Encrypt", {
      KeyId: keyId,
      Plaintext: "text",
    });
    return CiphertextBlob;
  }

  scheduleDeletion(keyId: string, days: number): Promise<unknown> {
    return this.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: String(days) });
  }
}

function startNode(
  { url, folder }: { url: string; folder: string },
  options: Partial<NodeOptions>,
): Promise<CinnabarNode> {
  return CinnabarNode.start({
    database: url,
    seal: new FileSeal(join(folder, "root.key")),
    nodeId: randomBytes(16).toString("hex"),
    listen: { host: "127.0.0.1", port: 0 },
    adminListen: { host: "127.0.0.1", port: 0 },
    tls: undefined,
    create: { region: REGION, origin: ORIGIN, clockOffset: 0, keep: () => Promise.reject(new Error("made already")) },
    log: { level: "silent", destination: new Writable({ write: (_chunk, _encoding, done) => done() }) },
    nonceSlots: 2 ** 16,
    trustedProxies: [],
    maxConnectionsPerAddress: 16,
    fatal(reason) {
      throw new Error(reason);
    },
    ...options,
  });
}

interface EpochRow {
  readonly value: number;
  readonly tag: Uint8Array;
  readonly time: number;
  readonly clock_offset: number;
  readonly clock_epoch: number;
  readonly sum: Uint8Array;
  readonly changes: Uint8Array | null;
}

function toEpoch(row: SqlRow): EpochRow {
  const { value, tag, time, clock_offset, clock_epoch, sum, changes } = row;
  if (!(tag instanceof Uint8Array) || !(sum instanceof Uint8Array)) throw new Error("there is no epoch");
  return {
    value: Number(value),
    tag,
    time: Number(time),
    clock_offset: Number(clock_offset),
    clock_epoch: Number(clock_epoch),
    sum,
    changes: changes instanceof Uint8Array ? changes : null,
  };
}

/** As the store names the place of the epoch's sum. */
function place(epoch: EpochRow): string {
  const tag = Buffer.from(epoch.tag).toString("hex");
  const changes = epoch.changes === null ? "" : ` changes ${Buffer.from(epoch.changes).toString("hex")}`;
  return `epoch ${epoch.value} tag ${tag} time ${epoch.time} offset ${epoch.clock_offset} reset ${epoch.clock_epoch}${changes}`;
}
