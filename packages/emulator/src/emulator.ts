import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Control, EmulatorError, Fields } from "./control.ts";
import { EmulatorProcess } from "./emulator-process.ts";
import type { Fault } from "./fault.ts";

export { EmulatorError };

export interface EmulatorOptions {
  /** A data directory that an emulator made, or a new one: it is kept. Without it there is a temporary one. */
  readonly data?: string;
  /** Further settings for `cinnabar serve`, such as `--region=ap-southeast-1`. */
  readonly flags?: readonly string[];
  /** The program with its first arguments, instead of the `cinnabar` that was installed with this package. */
  readonly command?: readonly string[];
}

/** A key management service for a test: starts empty, with one account, and may do everything that its root may. */
export class Emulator implements AsyncDisposable {
  /** The API's URL. */
  readonly endpoint: string;
  readonly region: string;
  /** Of the account's root. */
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** 16 digits. */
  readonly accountId: string;
  /** The data directory. */
  readonly data: string;
  readonly #isTemporary: boolean;
  readonly #process: EmulatorProcess;
  readonly #control: Control;
  #stopped: Promise<void> | undefined;

  private constructor(parts: {
    process: EmulatorProcess;
    control: Control;
    data: string;
    isTemporary: boolean;
    region: string;
    credentials: Fields;
  }) {
    this.#process = parts.process;
    this.#control = parts.control;
    this.#isTemporary = parts.isTemporary;
    this.data = parts.data;
    this.endpoint = parts.process.endpoint;
    this.region = parts.region;
    this.accessKeyId = parts.credentials.text("AccessKeyId");
    this.accessKeySecret = parts.credentials.text("AccessKeySecret");
    this.accountId = parts.credentials.text("AccountId");
  }

  /** @throws {@link EmulatorError} if it does not start, with the reason. */
  static async start({ data, flags = [], command }: EmulatorOptions): Promise<Emulator> {
    const isTemporary = data === undefined;
    const directory = data ?? (await mkdtemp(join(tmpdir(), "cinnabar-emulator-")));
    let started: EmulatorProcess | undefined;
    try {
      started = await EmulatorProcess.start({ data: directory, flags, command });
      const control = new Control(started.adminUrl);
      const region = (await control.ask("GET", "/emulator")).text("region");
      const file = await readFile(join(directory, "root-access-key.json"), "utf8");
      const credentials = new Fields(JSON.parse(file));
      return new Emulator({ process: started, control, data: directory, isTemporary, region, credentials });
    } catch (error) {
      await started?.end("SIGKILL");
      if (isTemporary) await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** What time it is there. */
  async time(): Promise<Date> {
    return new Date((await this.#control.ask("GET", "/emulator")).text("time"));
  }

  /**
   * Moves time on. What falls due until then has happened, in its order, when this settles.
   *
   * @param duration - seconds, or a duration of ISO 8601 without years and months, such as `P366D` or `PT1H30M`.
   * @returns the time that it is then.
   */
  async advance(duration: number | string): Promise<Date> {
    return new Date((await this.#control.ask("POST", "/emulator/time", { advance: duration })).text("time"));
  }

  /** Moves time on to an instant. @throws {@link EmulatorError} if that has passed: only a reset goes back. */
  async setTime(at: Date): Promise<Date> {
    return new Date((await this.#control.ask("POST", "/emulator/time", { set: at.toISOString() })).text("time"));
  }

  /** Makes calls fail from now on. @returns what {@link Emulator.clearFaults} takes. */
  async inject(fault: Fault): Promise<number> {
    return (await this.#control.ask("POST", "/emulator/faults", fault)).number("id");
  }

  /** @param id - of one fault; all of them if left out. */
  async clearFaults(id?: number): Promise<void> {
    await this.#control.ask("DELETE", id === undefined ? "/emulator/faults" : `/emulator/faults/${id}`);
  }

  /** Keeps the state as it is now: keys, time, audit log, all of it. @param name - replaces what had it before. */
  async snapshot(name: string): Promise<void> {
    await this.#control.ask("POST", "/emulator/snapshot", { name });
  }

  /** Goes back to a snapshot, or to the state without any key, and clears all faults. The AccessKey stays the same. */
  async reset(name?: string): Promise<void> {
    await this.#control.ask("POST", "/emulator/reset", { to: name });
  }

  /** Ends it, and removes its data if they are temporary. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    // Nobody will ask what was in it.
    await this.#process.end(this.#isTemporary ? "SIGKILL" : "SIGTERM");
    if (this.#isTemporary) await rm(this.data, { recursive: true, force: true });
  }
}

/**
 * Starts an emulator as a process of its own, on free ports of this machine, and waits until it serves. It ends with
 * `stop()`, at the end of the scope of `await using`, or with this process.
 *
 * @throws {@link EmulatorError} if it does not start, with the reason.
 */
export function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  return Emulator.start(options);
}
