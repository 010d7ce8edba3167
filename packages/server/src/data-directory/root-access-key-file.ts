import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncDirectory } from "@cinnabar/kernel";

import { z } from "zod";

import { OperatorError } from "../operator-error.ts";
import { readFileIfThere, writeFileAtomically } from "./atomic-file.ts";
import { fileError } from "./file-error.ts";

const schema = z.object({
  AccountId: z.string(),
  AccessKeyId: z.string(),
  AccessKeySecret: z.string(),
  /** A URL with its scheme. */
  Endpoint: z.string(),
});

/** The contents of `root-access-key.json`, under the names that clients use. */
export type RootAccessKey = z.output<typeof schema>;

/**
 * `root-access-key.json` in a data directory: the first access key of the root, for its owner alone (0600).
 *
 * The key is kept as `root-access-key.json.pending` before the store knows it, and gets its name afterwards, so that no
 * crash leaves a store without a key for it, or a file that looks good for a store that never came to be.
 */
export class RootAccessKeyFile {
  readonly path: string;
  readonly #pendingPath: string;

  constructor(directory: string) {
    this.path = join(directory, "root-access-key.json");
    this.#pendingPath = `${this.path}.pending`;
  }

  /** Keeps a key that the store does not know yet, durably. One that was pending is replaced. */
  async keep(key: RootAccessKey): Promise<void> {
    await writeFileAtomically(this.#pendingPath, formatAccessKey(key));
  }

  /** Gives the pending key its name, durably: the store knows it now. @throws OperatorError */
  async publish(): Promise<void> {
    try {
      await rename(this.#pendingPath, this.path);
      await syncDirectory(dirname(this.path));
    } catch (error) {
      throw fileError(`${this.path} cannot be written`, error);
    }
  }

  /** Forgets a pending key, if there is one: the store never got to know it. @throws OperatorError */
  async discardPending(): Promise<void> {
    try {
      await rm(this.#pendingPath, { force: true });
    } catch (error) {
      throw fileError(`${this.#pendingPath} cannot be removed`, error);
    }
  }

  /** The published key, `undefined` if its file is not there. @throws OperatorError if it is damaged. */
  read(): Promise<RootAccessKey | undefined> {
    return readKey(this.path);
  }

  /** The key that waits to be published, if any. A crash between the store's making and the publication leaves one. */
  readPending(): Promise<RootAccessKey | undefined> {
    return readKey(this.#pendingPath);
  }

  /**
   * Writes where the server is reached now, if the file is there; nothing but `Endpoint` changes.
   *
   * @param endpoint - a URL with its scheme.
   * @returns whether the file is there.
   */
  async rewriteEndpoint(endpoint: string): Promise<boolean> {
    const key = await this.read();
    if (key === undefined) return false;
    if (key.Endpoint !== endpoint)
      await writeFileAtomically(this.path, formatAccessKey({ ...key, Endpoint: endpoint }));
    return true;
  }
}

async function readKey(path: string): Promise<RootAccessKey | undefined> {
  const file = await readFileIfThere(path);
  if (file === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(file.toString("utf8")));
  } catch {
    // Without the cause: the parser's message may quote the secret.
    throw new OperatorError(
      `${path} is damaged. Restore it from a backup, or remove it if its access key is kept elsewhere.`,
    );
  }
}

/** As clients and `--credentials` take it. */
export function formatAccessKey(key: RootAccessKey): string {
  return `${JSON.stringify(key, undefined, 2)}\n`;
}
