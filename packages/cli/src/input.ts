import type { BigIntStats } from "node:fs";
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
  readonly #opened: Opened | undefined;

  private constructor(input: { name: string; stream: Readable; opened?: Opened }) {
    this.name = input.name;
    this.size = input.opened?.stat.isFile() === true ? Number(input.opened.stat.size) : undefined;
    this.#stream = input.stream;
    this.#opened = input.opened;
  }

  /** @param path - `-` for the standard input. @throws Failure if it cannot be read. */
  static async open(path: string, io: Io): Promise<Input> {
    if (path === "-") return new Input({ name: "the standard input", stream: io.stdin });
    try {
      const handle = await open(path);
      const stat = await handle.stat({ bigint: true });
      if (stat.isDirectory()) {
        await handle.close();
        throw new Failure(`${path} is a folder: put it in an archive first, such as tar makes.`);
      }
      return new Input({
        name: path,
        stream: handle.createReadStream({ highWaterMark: READ_BYTES, autoClose: false }),
        opened: { handle, stat },
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

  /**
   * The bytes, once, of a file that nobody writes to meanwhile: what was read of one in parts from before and after a
   * change may be what it never held.
   *
   * @throws Failure after the last byte if the file was written to, or if reading fails.
   */
  async *steadyBytes(): AsyncGenerator<Buffer, void, undefined> {
    yield* this.bytes();
    if (this.#opened === undefined) return;
    const { handle, stat } = this.#opened;
    const { size, mtimeNs } = await handle.stat({ bigint: true });
    if (!stat.isFile() || (size === stat.size && mtimeNs === stat.mtimeNs)) return;
    throw new Failure(`${this.name} changed while it was read. Try again when nothing writes to it, or with a copy.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#opened === undefined) return;
    this.#stream.destroy();
    await this.#opened.handle.close();
  }
}

/** A file, and what it was when it was opened. */
interface Opened {
  readonly handle: FileHandle;
  readonly stat: BigIntStats;
}
