import { Readable, Writable } from "node:stream";
import type { Io, Output } from "../src/index.ts";

/** An output that keeps what it gets. */
export class MemoryOutput extends Writable {
  readonly isTTY: boolean;
  readonly columns = 100;
  readonly #chunks: Buffer[] = [];

  constructor({ isTTY = false }: { isTTY?: boolean } = {}) {
    super();
    this.isTTY = isTTY;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

interface MemoryIoOptions {
  readonly stdin?: Readable | Buffer;
  readonly stdout?: Output;
  readonly signal?: AbortSignal;
  readonly terminal?: boolean;
}

/** An Io without a process. */
export class MemoryIo implements Io {
  readonly debug = false;
  readonly stdin: Readable;
  readonly captured: MemoryOutput;
  readonly stdout: Output;
  readonly stderr: MemoryOutput;
  readonly #signal: AbortSignal;

  constructor({ stdin = Buffer.alloc(0), stdout, signal, terminal = false }: MemoryIoOptions = {}) {
    this.stdin = Buffer.isBuffer(stdin) ? Readable.from([stdin]) : stdin;
    this.captured = new MemoryOutput({ isTTY: terminal });
    this.stdout = stdout ?? this.captured;
    this.stderr = new MemoryOutput({ isTTY: terminal });
    this.#signal = signal ?? new AbortController().signal;
  }

  interruption(): AbortSignal {
    return this.#signal;
  }
}
