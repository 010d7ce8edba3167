import type { Readable, Writable } from "node:stream";
import { forTerminal } from "@cinnabar/server/terminal-text";
import { isDebugging } from "./environment.ts";

/** A standard output, which may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** What a command has of the process that runs it. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether an error is to be shown with its stack trace. */
  readonly debug: boolean;
  /**
   * The signal of a user who wants the command to end. Whoever asks for it must heed it: from then on SIGINT, SIGTERM
   * and SIGHUP, with which a terminal ends, no longer end the process by themselves.
   */
  interruption(): AbortSignal;
}

/** The Io of this process. */
export class ProcessIo implements Io {
  readonly stdin = process.stdin;
  readonly stdout: Output = process.stdout;
  readonly stderr: Output = process.stderr;
  readonly debug = isDebugging();
  readonly #controller = new AbortController();
  #interruptedBy: NodeJS.Signals | undefined;

  constructor() {
    // Each write learns of its own failure; without a listener the first one would end the process.
    for (const output of [this.stdout, this.stderr]) output.on("error", () => undefined);
  }

  /** The signal that interrupted the command. */
  get interruptedBy(): NodeJS.Signals | undefined {
    return this.#interruptedBy;
  }

  interruption(): AbortSignal {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(name, () => {
        this.#interruptedBy = name;
        this.#controller.abort();
      });
    }
    return this.#controller.signal;
  }
}

/** Writes to an output and waits until it has taken the data. On a terminal, no text steers it ({@link forTerminal}). */
export function write(output: Output, data: string | Uint8Array): Promise<void> {
  const shown = typeof data === "string" && output.isTTY === true ? forTerminal(data) : data;
  return new Promise((resolve, reject) => {
    output.write(shown, (error) => (error ? reject(error) : resolve()));
  });
}
