import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CinnabarClient, TransportError } from "@cinnabar/client";
import { z } from "zod";
import type { NodeProcess, Workbench } from "./workbench.ts";

/** The command line, for Node. */
export const PROGRAM = fileURLToPath(new URL("../../packages/cli/bin/cinnabar.js", import.meta.url));
const CREATORS = 32;

const accessKeyFile = z.object({ AccessKeyId: z.string(), AccessKeySecret: z.string(), Endpoint: z.string() });
const createKeyAnswer = z.object({ KeyMetadata: z.object({ KeyId: z.string() }) });

export interface RootAccessKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly endpoint: URL;
}

/** `cinnabar serve` in a process of its own. */
export class CinnabarServer {
  readonly accessKey: RootAccessKey;
  readonly client: CinnabarClient;
  readonly #process: NodeProcess;

  private constructor(process: NodeProcess, ready: { accessKey: RootAccessKey; client: CinnabarClient }) {
    this.#process = process;
    this.accessKey = ready.accessKey;
    this.client = ready.client;
  }

  /**
   * Starts it on a data directory, new or not, and waits until it answers.
   *
   * @param options.database - as `--database` takes it; the data directory's own if left out.
   * @param options.nodeOptions - for Node itself.
   */
  static async start(
    workbench: Workbench,
    options: { data: string; database?: string | undefined; nodeOptions?: readonly string[] },
  ): Promise<CinnabarServer> {
    const { data, database, nodeOptions = [] } = options;
    const process = workbench.startNode([
      ...nodeOptions,
      PROGRAM,
      "serve",
      `--data=${data}`,
      "--listen=127.0.0.1:0",
      "--admin-listen=127.0.0.1:0",
      ...(database === undefined ? [] : [`--database=${database}`]),
    ]);
    return new CinnabarServer(process, await process.until(() => connect(data)));
  }

  get pid(): number {
    return this.#process.pid;
  }

  get port(): number {
    return Number(this.accessKey.endpoint.port);
  }

  /** Resident set size now, in bytes. */
  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "latin1");
    return Number(/^VmRSS:\s*([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Makes keys through the API. @returns their ids. */
  async createKeys(count: number): Promise<string[]> {
    const keyIds: string[] = [];
    let started = 0;
    const create = async (): Promise<void> => {
      while (started++ < count)
        keyIds.push(createKeyAnswer.parse(await this.client.call("CreateKey")).KeyMetadata.KeyId);
    };
    await Promise.all(Array.from({ length: CREATORS }, create));
    return keyIds;
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.#process.stop();
  }
}

/** Connects to the server that wrote the access key's file; undefined as long as none answers. */
async function connect(data: string): Promise<{ accessKey: RootAccessKey; client: CinnabarClient } | undefined> {
  const accessKey = await readAccessKey(join(data, "root-access-key.json"));
  if (accessKey === undefined) return undefined;
  const client = new CinnabarClient({ endpoint: accessKey.endpoint, credentials: accessKey });
  try {
    await client.call("DescribeRegions");
    return { accessKey, client };
  } catch (error) {
    client.close();
    // The endpoint in the file is that of the last start until the server has bound its own.
    if (error instanceof TransportError) return undefined;
    throw error;
  }
}

async function readAccessKey(file: string): Promise<RootAccessKey | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = accessKeyFile.parse(JSON.parse(text));
  return {
    accessKeyId: fields.AccessKeyId,
    accessKeySecret: fields.AccessKeySecret,
    endpoint: new URL(fields.Endpoint),
  };
}
