import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { ControlStore, type DeploymentKeys, FileSeal, openDeploymentKeys, RowGuard } from "@cinnabar/kernel";
import { SigningSecret } from "@cinnabar/rpc";
import type { TestDatabase } from "@cinnabar/testkit";
import { openDatabase } from "../../src/database.ts";
import { CinnabarNode } from "../../src/node.ts";
import { AccountCaller, REGION, type Wire } from "./two-accounts.ts";

const RAM = "2015-05-01";

/** Two nodes on one store, the root of its account at the one, and whoever else at the other. */
export class TwoNodes implements AsyncDisposable {
  readonly root: AccountCaller;
  readonly #url: string;
  readonly #seal: FileSeal;
  readonly #other: CinnabarNode;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    url: string;
    seal: FileSeal;
    root: AccountCaller;
    other: CinnabarNode;
    resources: AsyncDisposableStack;
  }) {
    this.#url = parts.url;
    this.#seal = parts.seal;
    this.root = parts.root;
    this.#other = parts.other;
    this.#resources = parts.resources;
  }

  static async start(database: TestDatabase): Promise<TwoNodes> {
    await using resources = new AsyncDisposableStack();
    const path = await mkdtemp(join(tmpdir(), "cinnabar-nodes-"));
    resources.defer(() => rm(path, { recursive: true }));
    const { url } = resources.use(await database.create());
    const seal = new FileSeal(join(path, "root.key"));
    const made: ConstructorParameters<typeof AccountCaller>[1][] = [];
    const startNode = async (): Promise<CinnabarNode> =>
      resources.use(
        await CinnabarNode.start({
          database: url,
          seal,
          nodeId: randomBytes(16).toString("hex"),
          listen: { host: "127.0.0.1", port: 0 },
          adminListen: { host: "127.0.0.1", port: 0 },
          tls: undefined,
          create: {
            region: REGION,
            origin: "server.test/two-nodes",
            clockOffset: 0,
            async keep({ accountId, accessKeyId, secret }) {
              made.push({ accountId, accessKeyId, secret: new SigningSecret(secret) });
            },
          },
          log: { level: "silent", destination: new Writable({ write: (_chunk, _encoding, done) => done() }) },
          nonceSlots: 2 ** 16,
          trustedProxies: [],
          maxConnectionsPerAddress: 16,
          fatal(reason) {
            throw new Error(reason);
          },
        }),
      );
    const first = await startNode();
    const other = await startNode();
    const [credentials] = made;
    assert(credentials !== undefined);
    return new TwoNodes({
      url,
      seal,
      root: new AccountCaller(first, credentials),
      other,
      resources: resources.move(),
    });
  }

  /** A call of the root's, through the one node. */
  administer<Fields>(action: string, wire: Wire = {}): Promise<Fields> {
    return this.root.call<Fields>(action, wire, RAM);
  }

  /** Gives a user an AccessKey, which is used at the other node. */
  async sign(UserName: string): Promise<AccountCaller> {
    const { AccessKey } = await this.administer<{
      AccessKey: { AccessKeyId: string; AccessKeySecret: string };
    }>("CreateAccessKey", { UserName });
    return new AccountCaller(this.#other, {
      accountId: this.root.accountId,
      accessKeyId: AccessKey.AccessKeyId,
      secret: new SigningSecret(Buffer.from(AccessKey.AccessKeySecret)),
    });
  }

  /** What a command of the operator's has open beside the nodes. */
  async openCommand(): Promise<{ readonly store: ControlStore; readonly keys: DeploymentKeys } & AsyncDisposable> {
    const backend = await openDatabase(this.#url);
    const rootKey = await this.#seal.open();
    assert(rootKey !== undefined);
    const keys = await openDeploymentKeys(backend, rootKey);
    const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
    return { store, keys, [Symbol.asyncDispose]: () => backend.close() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}
