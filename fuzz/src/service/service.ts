import { readFile } from "node:fs/promises";
import { run } from "@cinnabar/cli";
import type { CinnabarClient, Credentials } from "@cinnabar/client";
import { parseId } from "@cinnabar/kernel";
import { type IdentityProvider, openAdministration, type OpenedAdministration, ServerProcess } from "@cinnabar/testkit";
import { Violation } from "../engine/target.ts";
import { TemporaryFolder } from "../targets/temporary-folder.ts";
import { MemoryIo } from "./memory-io.ts";
import { StoreDigest } from "./store-digest.ts";

/** Memory that a server may take beyond what it had once warm: caches fill, the heap breathes. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;

/** A server in a process of its own, with a store of its own, and what mutations need of it. */
export class Service implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly server: ServerProcess;
  readonly client: CinnabarClient;
  readonly accountId: string;
  /** Another account, to share with. */
  readonly partnerId: string;
  /** A software instance of the account, and one that calls may release. */
  readonly instanceId: string;
  readonly spareInstanceId: string;
  readonly #pid: number;
  #warmBytes: number | undefined;

  private constructor(parts: {
    folder: TemporaryFolder;
    server: ServerProcess;
    accountId: string;
    partnerId: string;
    instances: readonly [string, string];
  }) {
    this.folder = parts.folder;
    this.server = parts.server;
    this.client = parts.server.client();
    this.accountId = parts.accountId;
    this.partnerId = parts.partnerId;
    [this.instanceId, this.spareInstanceId] = parts.instances;
    this.#pid = parts.server.pid;
  }

  static async start(): Promise<Service> {
    const folder = await TemporaryFolder.make();
    const data = folder.file("data");
    const server = await ServerProcess.start({ data });
    const file = JSON.parse(await readFile(folder.file("data/root-access-key.json"), "utf8")) as { AccountId: string };
    const accountId = parseId("Account", file.AccountId);
    await using operator = await openStore(folder);
    const addInstance = () => operator.instances.create({ accountId, type: "software" }, async () => {});
    const instances = [await addInstance(), await addInstance()] as const;
    let partnerId = "";
    await operator.createAccount(async (made) => {
      partnerId = made.accountId;
    });
    const service = new Service({ folder, server, accountId, partnerId, instances });
    await service.cli("audit", "checkpoint", "--data", data).then(async ({ exitCode, stdout, stderr }) => {
      if (exitCode !== 0) throw new Error(`cinnabar audit checkpoint: ${stderr}`);
      const { writeFile } = await import("node:fs/promises");
      await writeFile(folder.file("checkpoints"), stdout);
    });
    return service;
  }

  get credentialsFile(): string {
    return this.folder.file("data/root-access-key.json");
  }

  /** A digest over every table that decisions depend on, as the file has them now. */
  digest(): string {
    using digest = new StoreDigest(this.folder.file("data/cinnabar.db"));
    return digest.take();
  }

  /** Makes a further account. */
  async createAccount(): Promise<{ readonly accountId: string; readonly credentials: Credentials }> {
    await using operator = await openStore(this.folder);
    let accessKeySecret = "";
    const { accountId, accessKeyId } = await operator.createAccount(async ({ secret }) => {
      accessKeySecret = secret.toString("latin1");
    });
    return { accountId, credentials: { accessKeyId, accessKeySecret } };
  }

  /** Registers a provider of identity tokens for the account, and gives its ARN. */
  async registerProvider(name: string, { issuer, audience, ca }: IdentityProvider): Promise<string> {
    await using operator = await openStore(this.folder);
    const settings = { name, issuer, clientIds: [audience], ca, allowsLocalAddresses: true };
    await operator.providers.create(parseId("Account", this.accountId), settings);
    return `acs:ram::${this.accountId}:oidc-provider/${name}`;
  }

  /** Runs a command of the command line. */
  async cli(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const io = new MemoryIo();
    const exitCode = await run(args, io);
    return { exitCode, stdout: io.stdout.text, stderr: io.stderr.text };
  }

  /** @throws Violation if the server is not the one that was started, or its memory grows without end. */
  async assertSound(): Promise<void> {
    if (!this.server.isRunning || this.server.pid !== this.#pid) {
      throw new Violation(`the server ended: ${this.server.output.slice(-2_000)}`);
    }
    if (/unhandledRejection|uncaughtException|"level":"fatal"/.test(this.server.output)) {
      throw new Violation(`the server logged what nobody caught: ${this.server.output.slice(-2_000)}`);
    }
    const bytes = await this.residentBytes();
    this.#warmBytes ??= bytes;
    if (bytes > this.#warmBytes + MAX_GROWTH_BYTES) {
      throw new Violation(`the server's memory grew from ${this.#warmBytes} to ${bytes} bytes`);
    }
  }

  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.server.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Ends the server and verifies its log. @throws Violation */
  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    try {
      await this.server.stop();
      const checkpoints = this.folder.file("checkpoints");
      const data = this.folder.file("data");
      const { exitCode, stdout, stderr } = await this.cli(
        "audit",
        "verify",
        "--data",
        data,
        "--checkpoint",
        checkpoints,
      );
      if (exitCode !== 0) throw new Violation(`the audit log does not verify: ${stderr}${stdout}`);
    } finally {
      await this.folder[Symbol.asyncDispose]();
    }
  }
}

function openStore(folder: TemporaryFolder): Promise<OpenedAdministration> {
  return openAdministration({
    database: `sqlite:${folder.file("data/cinnabar.db")}`,
    rootKeyFile: folder.file("data/root.key"),
  });
}

let shared: Promise<Service> | undefined;

/** The service of this thread, started when it is first needed. */
export function sharedService(): Promise<Service> {
  shared ??= Service.start();
  return shared;
}

/** Ends it, if it was started. @throws Violation if the log does not verify, Error if the server did not end well. */
export async function closeService(): Promise<void> {
  const service = await shared;
  shared = undefined;
  await service?.[Symbol.asyncDispose]();
}
