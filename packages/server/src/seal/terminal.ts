import { constants, openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";

import { SecretBytes } from "@cinnabar/crypto";

import { OperatorError } from "../operator-error.ts";

const TERMINAL = "/dev/tty";
const MAX_BYTES = 4096;

const END_OF_TEXT = 0x03;
const END_OF_TRANSMISSION = 0x04;
const BACKSPACE = 0x08;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ERASE_LINE = 0x15;
const SPACE = 0x20;
const DELETE = 0x7f;

/** The terminal of whoever runs the command, whatever standard input and output are. */
export class Terminal implements Disposable {
  /** Typed ahead: what came together with the end of a line. */
  #ahead = Buffer.alloc(0);

  /**
   * Asks a question and reads a line that is not shown. The caller clears it.
   *
   * @throws OperatorError if there is no terminal, or nothing is typed.
   */
  async ask(question: string): Promise<SecretBytes> {
    const fd = openTerminal();
    const line = new HiddenLine();
    const input = new ReadStream(fd);
    try {
      input.setRawMode(true);
      writeSync(fd, question);
      await this.#read(input, line);
      writeSync(fd, "\r\n");
    } catch (error) {
      line.clear();
      throw error;
    } finally {
      input.setRawMode(false);
      input.destroy();
    }
    if (line.length > 0) return line.take();
    line.clear();
    throw new OperatorError("Nothing was typed.");
  }

  [Symbol.dispose](): void {
    this.#ahead.fill(0);
  }

  #read(input: ReadStream, line: HiddenLine): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        for (const [at, byte] of chunk.entries()) {
          if (byte === END_OF_TEXT) return reject(new OperatorError("Interrupted; nothing was changed."));
          if (!line.put(byte)) continue;
          this.#ahead = Buffer.from(chunk.subarray(at + 1));
          chunk.fill(0);
          return resolve();
        }
        chunk.fill(0);
      };
      input.once("error", reject);
      input.once("end", () => reject(new OperatorError("The terminal was closed; nothing was changed.")));
      input.on("data", (chunk: Buffer) => take(chunk));
      const ahead = this.#ahead;
      this.#ahead = Buffer.alloc(0);
      take(ahead);
    });
  }
}

/** A line as it is typed, in memory that can be cleared. */
class HiddenLine {
  readonly #bytes = Buffer.alloc(MAX_BYTES);
  length = 0;

  /** Takes a byte. @returns whether it ended the line. */
  put(byte: number): boolean {
    if (byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === END_OF_TRANSMISSION) return true;
    if (byte === DELETE || byte === BACKSPACE) {
      // Back to where a character of UTF-8 begins.
      do this.length = Math.max(this.length - 1, 0);
      while (this.length > 0 && ((this.#bytes[this.length] ?? 0) & 0xc0) === 0x80);
    } else if (byte === ERASE_LINE) {
      this.length = 0;
    } else if (byte >= SPACE && this.length < MAX_BYTES) {
      this.#bytes[this.length++] = byte;
    }
    return false;
  }

  take(): SecretBytes {
    const line = new SecretBytes(new Uint8Array(this.#bytes.subarray(0, this.length)));
    this.clear();
    return line;
  }

  clear(): void {
    this.#bytes.fill(0);
  }
}

function openTerminal(): number {
  try {
    return openSync(TERMINAL, constants.O_RDWR | constants.O_NOCTTY);
  } catch (error) {
    throw new OperatorError(
      "There is no terminal to ask on. Give the passphrase or the shares with --unseal-from file:PATH or fd:N.",
      { cause: error },
    );
  }
}
