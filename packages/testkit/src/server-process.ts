import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CinnabarClient, type Credentials } from "@cinnabar/client";

/** The directory that holds the packages. */
export const checkout = fileURLToPath(new URL("../../..", import.meta.url));

/** The command line, in any copy of the checkout. */
export const CINNABAR = "packages/cli/bin/cinnabar.js";

const START_MILLIS = 60_000;
const STOP_MILLIS = 30_000;
const POLL_MILLIS = 10;
/** Ends the server with the process that started it, however that one ends. */
const LEASH = ["setpriv", "--pdeathsig", "KILL"];
const LOG_LINE = /^\{.*\}$/;
/** The addresses really bound, as the server says them once it is ready. */
const BANNER = /^Cinnabar is ready\.\n {2}API +(\S+)\n {2}Admin +(\S+)\/healthz /m;

export interface ServerProcessOptions {
  /** The node's data directory; made if it is missing. */
  readonly data: string;
  /** As `--database` takes it; by default SQLite in the data directory. */
  readonly database?: string;
  /** Serves https, with a certificate of its own CA: `ca.pem` in the data directory. */
  readonly tls?: boolean;
  /** Path of the root key's file; by default `root.key` in the data directory. */
  readonly rootKeyFile?: string;
  /** Settings beside these, such as `--throttle=CreateKey=1`. */
  readonly flags?: readonly string[];
  /** For calls on a node that has no `root-access-key.json` of its own. */
  readonly credentials?: Credentials;
  /** A directory with packages other than this checkout's, such as a changed copy. */
  readonly sources?: string;
  /** A program with arguments that runs the server in its own process, such as `strace -D`. */
  readonly wrapper?: readonly string[];
  /**
   * Whether it runs a bundle of its sources if there is one, and else leaves behind a process that makes one. By default a
   * server of this checkout does that runs by itself: what else a rig would see or wait for that process.
   */
  readonly bundles?: boolean;
}

/** A server that ended instead of serving. */
export class ServerEndedError extends Error {
  override readonly name = "ServerEndedError";
  readonly exitCode: number | null;
  /** All that it printed. */
  readonly output: string;

  constructor(end: { exitCode: number | null; output: string }) {
    super(`the server ended with code ${end.exitCode}:\n${end.output}`);
    this.exitCode = end.exitCode;
    this.output = end.output;
  }
}

/** A node that runs as a process of its own, `cinnabar serve`, on free ports of 127.0.0.1. Linux only. */
export class ServerProcess implements AsyncDisposable {
  /** The API's URL. */
  readonly endpoint: URL;
  readonly adminUrl: URL;
  readonly credentials: Credentials;
  readonly #child: ChildProcess;
  readonly #output: Output;

  private constructor(parts: {
    endpoint: URL;
    adminUrl: URL;
    credentials: Credentials;
    child: ChildProcess;
    output: Output;
  }) {
    this.endpoint = parts.endpoint;
    this.adminUrl = parts.adminUrl;
    this.credentials = parts.credentials;
    this.#child = parts.child;
    this.#output = parts.output;
  }

  /**
   * Starts a node and waits until it is ready.
   *
   * @throws {@link ServerEndedError} if it ends before, as a server does that refuses to start.
   */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const child = launch(options);
    const output = new Output(child);
    try {
      const { endpoint, adminUrl } = await untilReady(child, output);
      const credentials = options.credentials ?? (await readCredentials(options.data));
      return new ServerProcess({ endpoint, adminUrl, credentials, child, output });
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("the server has not started");
    return pid;
  }

  get isRunning(): boolean {
    return isRunning(this.#child);
  }

  /** All that it printed up to now. */
  get output(): string {
    return this.#output.text;
  }

  /** The lines of its log that raise this alarm. */
  alarms(alarm: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#output.log
      .split("\n")
      .filter((line) => LOG_LINE.test(line))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      .filter((entry) => entry["alarm"] === alarm);
  }

  /** A metric without labels. */
  async metric(name: string): Promise<number> {
    const response = await fetch(new URL("/metrics", this.adminUrl));
    const value = new RegExp(`^${name} (\\S+)$`, "m").exec(await response.text())?.[1];
    if (value === undefined) throw new Error(`there is no metric ${name}`);
    return Number(value);
  }

  /** The caller's to close. */
  client(): CinnabarClient {
    return new CinnabarClient({ endpoint: this.endpoint, credentials: this.credentials });
  }

  /** Signals the server and waits for its end. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const ended = ending(this.#child);
    this.#child.kill(signal);
    await ended;
  }

  /** Ends the server in order. @throws Error if it does not end by itself or not well; then it is killed. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = this.kill("SIGTERM").then(() => true);
    if (!(await Promise.race([ended, sleep(STOP_MILLIS, false, { ref: false })]))) {
      await this.kill("SIGKILL");
      throw new Error(`the server did not end within ${STOP_MILLIS} ms of SIGTERM:\n${this.output}`);
    }
    const { exitCode } = this.#child;
    if (exitCode !== 0) throw new ServerEndedError({ exitCode, output: this.output });
  }

  /** Kills the server if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
  }
}

function launch(options: ServerProcessOptions): ChildProcess {
  const { data, database, tls = false, rootKeyFile, flags = [], sources = checkout, wrapper = [] } = options;
  const { bundles = sources === checkout && wrapper.length === 0 } = options;
  const [program = "", ...args] = [
    ...wrapper,
    ...LEASH,
    process.execPath,
    join(sources, CINNABAR),
    "serve",
    `--data=${data}`,
    "--listen=127.0.0.1:0",
    "--admin-listen=127.0.0.1:0",
    ...(database === undefined ? [] : [`--database=${database}`]),
    ...(tls ? ["--tls"] : []),
    ...(rootKeyFile === undefined ? [] : [`--seal=file:${rootKeyFile}`]),
    ...flags,
  ];
  // oxlint-disable-next-line no-restricted-properties -- passed on
  const env = bundles ? process.env : { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
  return spawn(program, args, { cwd: sources, env, stdio: ["ignore", "pipe", "pipe"] });
}

/** What a server has printed: its words on standard output, its log on standard error. */
class Output {
  words = "";
  log = "";

  constructor({ stdout, stderr }: ChildProcess) {
    stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.words += text;
    });
    stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.log += text;
    });
  }

  get text(): string {
    return this.words + this.log;
  }
}

async function untilReady(child: ChildProcess, output: Output): Promise<{ endpoint: URL; adminUrl: URL }> {
  const ended = once(child, "close").then(() => true);
  const endAt = performance.now() + START_MILLIS;
  while (performance.now() < endAt) {
    const [, endpoint, adminUrl] = BANNER.exec(output.words) ?? [];
    if (endpoint !== undefined && adminUrl !== undefined) {
      return { endpoint: new URL(endpoint), adminUrl: new URL(adminUrl) };
    }
    if (await Promise.race([ended, sleep(POLL_MILLIS, false)])) {
      throw new ServerEndedError({ exitCode: child.exitCode, output: output.text });
    }
  }
  throw new Error(`the server was not ready in ${START_MILLIS} ms:\n${output.text}`);
}

async function readCredentials(data: string): Promise<Credentials> {
  const file = JSON.parse(await readFile(join(data, "root-access-key.json"), "utf8")) as Record<string, string>;
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = file;
  if (accessKeyId === undefined || accessKeySecret === undefined)
    throw new Error("root-access-key.json has no AccessKey");
  return { accessKeyId, accessKeySecret };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function ending(child: ChildProcess): Promise<void> {
  if (isRunning(child)) await once(child, "exit");
}
