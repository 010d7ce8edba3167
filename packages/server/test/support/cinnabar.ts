import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { CinnabarClient } from "@cinnabar/client";

export const PROGRAM = fileURLToPath(new URL("../../../cli/bin/cinnabar.js", import.meta.url));
/** Ends the process with this one, however this one ends. */
const LEASH = ["--pdeathsig", "KILL", process.execPath, PROGRAM];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Given {
  /** For the standard input. */
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the command line to its end. */
export async function cinnabar(args: readonly string[], { input = "", environment = {} }: Given = {}): Promise<Ended> {
  const child = spawn("setpriv", [...LEASH, ...args], { env: environment });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, stdout, stderr };
}

/** A server as a process of its own, sealed or not. */
export class SealedOrOpen implements AsyncDisposable {
  readonly #child: ChildProcess;
  output = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
      });
    }
  }

  /** Starts `cinnabar serve` on free ports and waits until it says that it is sealed or ready. */
  static async serve(args: readonly string[], { input = "", environment = {} }: Given = {}): Promise<SealedOrOpen> {
    const ports = ["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
    const child = spawn("setpriv", [...LEASH, "serve", ...ports, ...args], { env: environment });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const server = new SealedOrOpen(child);
    await server.until(/^Cinnabar is (?:sealed|ready)\.\n(?:.*\n)*? {2}Admin .*\n/m);
    return server;
  }

  get url(): string {
    return this.#address("API");
  }

  get adminUrl(): string {
    return this.#address("Admin");
  }

  /** For `--admin-listen`. */
  get adminListen(): string {
    return new URL(this.adminUrl).host;
  }

  async until(pattern: RegExp): Promise<void> {
    const ended = once(this.#child, "close").then(() => true);
    while (!pattern.test(this.output)) {
      const isOver = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10, false))]);
      if (isOver === true && !pattern.test(this.output)) throw new Error(`the server ended:\n${this.output}`);
    }
  }

  async stop(): Promise<number | null> {
    const ended = once(this.#child, "close");
    this.#child.kill("SIGTERM");
    await ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #address(name: string): string {
    const [, url] = new RegExp(`^ {2}${name} +(http[^ /]+//[^ /]+)`, "m").exec(this.output) ?? [];
    if (url === undefined) throw new Error(`no address in:\n${this.output}`);
    return url;
  }
}

/** A client of the server, as the root of the account that its data directory was made with. */
export async function clientOf(server: SealedOrOpen, data: string): Promise<CinnabarClient> {
  const file = await readFile(join(data, "root-access-key.json"), "utf8");
  const { AccessKeyId, AccessKeySecret } = JSON.parse(file) as Record<string, string>;
  const credentials = { accessKeyId: AccessKeyId ?? "", accessKeySecret: AccessKeySecret ?? "" };
  return new CinnabarClient({ endpoint: new URL(server.url), credentials });
}
