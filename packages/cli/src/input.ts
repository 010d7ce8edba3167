import { type FileHandle, open } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { Failure, fileFailure } from "./failure.ts";
import type { Io } from "./io.ts";

const READ_BYTES = 1 << 18;

/** A file, or the standard input, to be read once from beginning to end. */
export class Input implements AsyncDisposable {
  /** For messages. */
  readonly name: string;
  /** Known of a regular file. */
  readonly size: number | undefined;
  readonly #stream: Readable;
  readonly #handle: FileHandle | undefined;

  private constructor(input: { name: string; size?: number; stream: Readable; handle?: FileHandle }) {
    this.name = input.name;
    this.size = input.size;
    this.#stream = input.stream;
    this.#handle = input.handle;
  }

  /** @param path - `-` for the standard input. @throws Failure if it cannot be read. */
  static async open(path: string, io: Io): Promise<Input> {
    if (path === "-") return new Input({ name: "the standard input", stream: io.stdin });
    try {
      const handle = await open(path);
      const stat = await handle.stat();
      if (stat.isDirectory()) {
        await handle.close();
        throw new Failure(`${path} is a folder: put it in an archive first, such as tar makes.`);
      }
      return new Input({
        name: path,
        ...(stat.isFile() && { size: stat.size }),
        stream: handle.createReadStream({ highWaterMark: READ_BYTES }),
        handle,
      });
    } catch (error) {
      throw fileFailure(`Cannot read ${path}`, error);
    }
  }

  /** Ends reading with an AbortError when the signal says so, even while it waits for data. */
  heed(signal: AbortSignal): void {
    addAbortSignal(signal, this.#stream);
  }

  /** The bytes, once. @throws Failure if reading fails. */
  async *bytes(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of this.#stream) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError("an input has no encoding");
        yield chunk;
      }
    } catch (error) {
      throw fileFailure(`Cannot read ${this.name}`, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#handle === undefined) return;
    this.#stream.destroy();
    await this.#handle.close();
  }
}
