import { Readable, Writable } from "node:stream";
import type { Io } from "@cinnabar/cli";

class Kept extends Writable {
  readonly isTTY = false;
  readonly #chunks: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

/** The command line without a process of its own. */
export class MemoryIo implements Io {
  readonly debug = true;
  readonly stdin = Readable.from([]);
  readonly stdout = new Kept();
  readonly stderr = new Kept();

  interruption(): AbortSignal {
    return new AbortController().signal;
  }
}
