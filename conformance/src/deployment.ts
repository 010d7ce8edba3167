import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instanceCreate, ramProviderCreate, withDatabaseLogs } from "@cinnabar/server";
import { type IdentityProvider, ServerProcess } from "@cinnabar/testkit";
import { ClientProcess } from "./client-process.ts";
import { Exercised } from "./exercised.ts";
import { Ledger } from "./ledger.ts";

/** What conformance looks at in an audit event. */
export interface RecordedEvent {
  readonly eventId: string;
  readonly eventName: string;
  readonly eventType: string;
  readonly errorCode?: string;
  /** All of it, as it is stored. */
  readonly text: string;
}

/** A server with a store of its own, and the official clients beside it. */
export class Deployment implements AsyncDisposable {
  readonly directory: string;
  readonly server: ServerProcess;
  readonly clients: ClientProcess;
  readonly accountId: string;
  /** Of the server's own CA; `undefined` without TLS. */
  readonly ca: Buffer | undefined;
  readonly ledger = new Ledger();
  readonly exercised = new Exercised();
  readonly #database: string;

  private constructor(parts: {
    directory: string;
    database: string;
    server: ServerProcess;
    clients: ClientProcess;
    accountId: string;
    ca: Buffer | undefined;
  }) {
    this.directory = parts.directory;
    this.#database = parts.database;
    this.server = parts.server;
    this.clients = parts.clients;
    this.accountId = parts.accountId;
    this.ca = parts.ca;
  }

  /** @param options.database - a database URL; SQLite in the data directory by default. */
  static async start(options: { readonly tls: boolean; readonly database?: string | undefined }): Promise<Deployment> {
    const directory = await mkdtemp(join(tmpdir(), "cinnabar-conformance-"));
    const { tls, database = `sqlite:${join(directory, "cinnabar.db")}` } = options;
    const server = await ServerProcess.start({ data: directory, database, tls });
    const caFile = tls ? join(directory, "ca.pem") : undefined;
    const credentials = JSON.parse(await readFile(join(directory, "root-access-key.json"), "utf8")) as {
      AccountId: string;
    };
    return new Deployment({
      directory,
      database,
      server,
      clients: new ClientProcess(caFile),
      accountId: credentials.AccountId,
      ca: caFile === undefined ? undefined : await readFile(caFile),
    });
  }

  /** An instance of the root's account, as an operator makes one for it to connect. */
  async createInstance(): Promise<void> {
    const code = await instanceCreate([this.accountId, "--type", "software", "--uninitialized", ...this.#store]);
    if (code !== 0) throw new Error(`cinnabar instance create ended with ${code}`);
  }

  /** Registers a provider of identity tokens for the root's account, as an operator does. @returns its ARN. */
  async registerProvider({ issuer, audience, ca }: IdentityProvider): Promise<string> {
    const caFile = join(this.directory, "identity-provider-ca.pem");
    await writeFile(caFile, ca);
    const trust = ["--ca", caFile, "--allow-local-addresses"];
    const provider = [this.accountId, "conformance", "--issuer", issuer, "--client-id", audience, ...trust];
    const code = await ramProviderCreate([...provider, ...this.#store]);
    if (code !== 0) throw new Error(`cinnabar ram provider create ended with ${code}`);
    return `acs:ram::${this.accountId}:oidc-provider/conformance`;
  }

  /** Where a command finds the store. */
  get #store(): readonly string[] {
    return ["--data", this.directory, "--database", this.#database];
  }

  /** The events of calls, of all logs. */
  async readCallEvents(): Promise<RecordedEvent[]> {
    return withDatabaseLogs(this.#database, async (source) => {
      const events: RecordedEvent[] = [];
      for (const shard of (await source.list()).shards) {
        for await (const batch of source.read(shard)) {
          if (batch.kind === "damage") throw new Error(batch.detail);
          for (const text of batch.events ?? []) events.push({ ...(JSON.parse(text) as RecordedEvent), text });
        }
      }
      return events.filter(({ eventType }) => eventType === "ApiCall");
    });
  }

  async readMetrics(): Promise<string> {
    return (await fetch(new URL("/metrics", this.server.adminUrl))).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clients[Symbol.asyncDispose]();
    await this.server.stop();
    await rm(this.directory, { recursive: true });
  }
}
