import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { FileSeal } from "@cinnabar/kernel";
import { CinnabarNode, type NodeOptions } from "@cinnabar/server";

/** A node of this very process on a free loopback port, with a root's AccessKey that tests may use. */
export interface InProcessServer extends AsyncDisposable {
  readonly node: CinnabarNode;
  /** URL of the API. */
  readonly url: URL;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Everything logged so far, a parsed line each. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  stop(): Promise<void>;
}

/**
 * Starts a node for tests.
 *
 * @param options.database - a database URL; by default a SQLite file in a directory that `stop` removes.
 * @param options.node - what should differ from the defaults.
 */
export async function startInProcessServer(
  options: { readonly database?: string; readonly node?: Partial<NodeOptions> } = {},
): Promise<InProcessServer> {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-server-"));
  const logged: Record<string, unknown>[] = [];
  const account = { accountId: "", accessKeyId: "", accessKeySecret: "" };
  const node = await CinnabarNode.start({
    database: options.database ?? `sqlite:${join(directory, "cinnabar.db")}`,
    seal: new FileSeal(join(directory, "root.key")),
    nodeId: randomBytes(16).toString("hex"),
    listen: { host: "127.0.0.1", port: 0 },
    adminListen: { host: "127.0.0.1", port: 0 },
    tls: undefined,
    create: {
      region: "cn-hangzhou",
      origin: "cinnabar.example/test",
      clockOffset: 0,
      keep: ({ accountId, accessKeyId, secret }) => {
        Object.assign(account, { accountId, accessKeyId, accessKeySecret: secret.toString("latin1") });
        return Promise.resolve();
      },
    },
    log: { level: "info", destination: collector(logged) },
    nonceSlots: 2 ** 16,
    trustedProxies: [],
    maxConnectionsPerAddress: 1024,
    fatal: (reason) => {
      throw new Error(`the node had to end: ${reason}`);
    },
    ...options.node,
  });
  const stop = async (): Promise<void> => {
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { node, url: new URL(node.url), ...account, logged, stop, [Symbol.asyncDispose]: stop };
}

function collector(logged: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const parsed: unknown = JSON.parse(chunk.toString());
      if (typeof parsed === "object" && parsed !== null) logged.push({ ...parsed });
      done();
    },
  });
}
