import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { EmulatorError } from "./control.ts";

const START_MILLIS = 60_000;
const POLL_MILLIS = 5;
const KEPT_OUTPUT = 64 * 1024;
/** The addresses really bound, as the server says them once it is ready. */
const READY = /^Cinnabar is ready\.\n {2}API +(\S+)\n {2}Admin +(\S+)\/healthz /m;

/** `cinnabar serve --emulator` as a process of its own, which ends with this one, however this one ends. */
export class EmulatorProcess {
  readonly endpoint: string;
  readonly adminUrl: URL;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, addresses: { endpoint: string; adminUrl: URL }) {
    this.#child = child;
    this.endpoint = addresses.endpoint;
    this.adminUrl = addresses.adminUrl;
  }

  /**
   * Starts it on free ports and waits until it is ready.
   *
   * @throws {@link EmulatorError} with what it said if it ends before.
   */
  static async start(options: {
    readonly data: string;
    readonly command: readonly string[] | undefined;
    readonly flags: readonly string[];
  }): Promise<EmulatorProcess> {
    const [program = process.execPath, ...args] = options.command ?? [process.execPath, findProgram()];
    const settings = [`--data=${options.data}`, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
    // The channel is how it learns that this process is no more.
    const child = spawn(program, [...args, "serve", "--emulator", ...settings, ...options.flags], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const said = keepOutput(child);
    try {
      const addresses = await untilReady(child, said);
      letGo(child);
      return new EmulatorProcess(child, addresses);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Signals it and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

/** The command line that belongs to this package. */
function findProgram(): string {
  return createRequire(import.meta.url).resolve("@cinnabar/cli/bin");
}

/** @returns what the process has printed at the end. */
function keepOutput({ stdout, stderr }: ChildProcess): () => string {
  let kept = "";
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      kept = `${kept}${text}`.slice(-KEPT_OUTPUT);
    });
  }
  return () => kept;
}

async function untilReady(child: ChildProcess, said: () => string): Promise<{ endpoint: string; adminUrl: URL }> {
  const ended = once(child, "close").then(
    () => true,
    (cause: unknown) => {
      throw new EmulatorError("the emulator's program cannot be started", { cause });
    },
  );
  const endAt = performance.now() + START_MILLIS;
  while (performance.now() < endAt) {
    const [, endpoint, admin] = READY.exec(said()) ?? [];
    if (endpoint !== undefined && admin !== undefined) return { endpoint, adminUrl: new URL(admin) };
    if (await Promise.race([ended, sleep(POLL_MILLIS, false)])) {
      throw new EmulatorError(`the emulator did not start: ${said().trim()}`);
    }
  }
  throw new EmulatorError(`the emulator was not ready in ${START_MILLIS / 1000} s: ${said().trim()}`);
}

/** A test that is done may end although nobody stopped the emulator. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
}
