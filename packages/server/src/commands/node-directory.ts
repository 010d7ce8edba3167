import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Backend, peekDeployment, type Seal, type ShamirSealOptions } from "@cinnabar/kernel";
import { hasAccessKey, type NewAccessKey } from "@cinnabar/ram";
import type { Configuration } from "../configuration/index.ts";
import {
  DataDirectoryLock,
  loadNodeId,
  openDataDirectory,
  readFileIfThere,
  RootAccessKeyFile,
  writeFileAtomically,
} from "../data-directory/index.ts";
import { EMULATOR_ORIGIN_PREFIX } from "../emulator/emulator-mark.ts";
import { formatListenAddress } from "../listener/index.ts";
import { OperatorError } from "../operator-error.ts";
import type { NewDeployment } from "../open-deployment.ts";
import { createSeal, tidySeal } from "../seal/index.ts";

/** A node's data directory, locked: what a command that opens the store finds there and leaves there. */
export class NodeDirectory implements AsyncDisposable {
  readonly nodeId: string;
  readonly seal: Seal;
  readonly rootAccessKey: RootAccessKeyFile;
  readonly verifierKeyPath: string;
  readonly lock: DataDirectoryLock;
  readonly #configuration: Configuration;

  private constructor(configuration: Configuration, parts: { nodeId: string; seal: Seal; lock: DataDirectoryLock }) {
    this.#configuration = configuration;
    this.nodeId = parts.nodeId;
    this.lock = parts.lock;
    this.seal = parts.seal;
    this.rootAccessKey = new RootAccessKeyFile(configuration.data);
    this.verifierKeyPath = join(configuration.data, "audit-verifier.vkey");
  }

  /**
   * @param options.handOutShares - takes the shares of a new Shamir seal, where somebody is there to take them.
   * @throws OperatorError if the directory cannot be used or another server is on it.
   */
  static async open(
    configuration: Configuration,
    options: { readonly handOutShares?: ShamirSealOptions["handOut"] } = {},
  ): Promise<NodeDirectory> {
    // Whatever this process makes, the database and its journals included, is for its owner alone.
    process.umask(0o077);
    await openDataDirectory(configuration.data);
    const listen = formatListenAddress(configuration.listen);
    const lock = await DataDirectoryLock.take(configuration.data, { listen, now: Date.now() });
    try {
      const { unsealFrom } = configuration;
      const seal = await createSeal(configuration.seal, { unsealFrom, handOut: options.handOutShares });
      return new NodeDirectory(configuration, { nodeId: await loadNodeId(configuration.data), seal, lock });
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What a new deployment is given, should the store be empty. */
  get create(): NewDeployment {
    const { region, origin, emulator } = this.#configuration;
    return {
      region,
      origin: origin ?? `${emulator ? EMULATOR_ORIGIN_PREFIX : "cinnabar/"}${randomBytes(8).toString("hex")}`,
      clockOffset: 0,
      keep: (account) => this.#keep(account),
    };
  }

  /**
   * Settles what belongs to a deployment once the store is open: the root's AccessKey gets its name, and the key that
   * verifies the audit log is saved; what interrupted commands have left of root keys is put in order.
   *
   * @returns sentences for the operator about what was found.
   */
  async settle(backend: Backend, verifierKey: string): Promise<readonly string[]> {
    const pending = await this.rootAccessKey.readPending();
    if (pending !== undefined) {
      if (await hasAccessKey(backend, pending.AccessKeyId)) await this.rootAccessKey.publish();
      else await this.rootAccessKey.discardPending();
    }
    if ((await readFileIfThere(this.verifierKeyPath)) === undefined) {
      await writeFileAtomically(this.verifierKeyPath, `${verifierKey}\n`);
    }
    const known = await peekDeployment(backend);
    if (known === undefined) return [];
    return tidySeal({ seal: this.seal, rootKey: known.rootKeyCheck, data: this.#configuration.data });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lock[Symbol.asyncDispose]();
  }

  async #keep({ accountId, accessKeyId, secret }: NewAccessKey): Promise<void> {
    // It may be the only copy of another deployment's key, and a wrong --database the reason why the store is empty.
    if ((await this.rootAccessKey.read()) !== undefined) {
      throw new OperatorError(
        `The store is empty, and ${this.rootAccessKey.path} belongs to another one. Is --database right? ` +
          "If a new deployment is meant, move that file away first.",
      );
    }
    const { listen, tls } = this.#configuration;
    await this.rootAccessKey.keep({
      AccountId: accountId,
      AccessKeyId: accessKeyId,
      AccessKeySecret: secret.toString("latin1"),
      Endpoint: `${tls.kind === "none" ? "http" : "https"}://${formatListenAddress(listen)}`,
    });
  }
}
