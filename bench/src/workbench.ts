import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chooseCores, type Cores, pinTree } from "./machine.ts";

const STOP_MILLIS = 30_000;
const LOG_TAIL_CHARACTERS = 2_000;

/**
 * A temporary directory and the processes at work in it, one core for the servers, one for the load. Both end with
 * this process, however it ends, except by SIGKILL.
 */
export class Workbench {
  readonly directory = mkdtempSync(join(tmpdir(), "cinnabar-bench-"));
  readonly cores: Cores = chooseCores();
  readonly #processes = new Set<ChildProcess>();
  #logs = 0;

  constructor() {
    process.once("exit", () => this.#clear());
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
    }
    pinTree(process.pid, this.cores.others);
  }

  /** Makes a directory. */
  makeDirectory(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  /** Starts Node on the servers' core. */
  startNode(args: readonly string[]): NodeProcess {
    const logFile = join(this.directory, `log-${++this.#logs}`);
    const log = openSync(logFile, "w");
    // taskset becomes the program it starts: the process id is that of Node.
    const child = spawn("taskset", ["-c", `${this.cores.server}`, process.execPath, ...args], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
    return new NodeProcess(child, logFile);
  }

  #clear(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A process started by {@link Workbench.startNode}. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;

  constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("taskset cannot be started: is util-linux installed?");
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it has printed. */
  get output(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  /** Waits until `probe` gives something. @throws Error with the end of the log if the process ends before. */
  async until<T>(probe: () => Promise<T | undefined>): Promise<T> {
    while (this.isRunning) {
      const found = await probe();
      if (found !== undefined) return found;
      await sleep(50);
    }
    throw new Error(`A server ended by itself:\n${this.output.slice(-LOG_TAIL_CHARACTERS)}`);
  }

  /** Waits until it ends by itself. @throws Error with the end of its log if it fails. */
  async ended(): Promise<void> {
    if (this.isRunning) await once(this.#child, "exit");
    if (this.#child.exitCode !== 0) throw new Error(`A process failed:\n${this.output.slice(-LOG_TAIL_CHARACTERS)}`);
  }

  /** Ends it in order. @throws Error if it does not end. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, "exit", { signal: AbortSignal.timeout(STOP_MILLIS) });
    this.#child.kill("SIGTERM");
    await exited;
  }
}
