import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { descriptorOf, stringsOf, type Syscall, type TraceStep } from "./syscall-trace.ts";

/** What a program did to a file: wrote bytes at an offset, or gave it another length. */
type Change = { readonly offset: number; readonly bytes: Buffer } | { readonly length: number };

/** A file as the program sees it, and as the disk is known to have it. */
class RecordedFile {
  readonly seen = new GrowingBytes();
  readonly synced = new GrowingBytes();
  readonly #unsynced: Change[] = [];
  #syncedChanges = 0;

  change(change: Change): void {
    this.seen.apply(change);
    this.#unsynced.push(change);
  }

  /** How many changes were made: a sync that begins now covers these, and not those that are still under way. */
  get changes(): number {
    return this.#syncedChanges + this.#unsynced.length;
  }

  sync(changes: number): void {
    for (; this.#syncedChanges < changes; this.#syncedChanges++) {
      const change = this.#unsynced.shift();
      if (change !== undefined) this.synced.apply(change);
    }
  }

  /** What may be found after a power failure: all that was synced, and of the rest what `reached` picks. */
  afterPowerFailure(reached: () => boolean): Buffer {
    const bytes = new GrowingBytes(this.synced.bytes);
    for (const change of this.#unsynced) if (reached()) bytes.apply(change);
    return bytes.bytes;
  }
}

type Names = ReadonlyMap<string, RecordedFile>;

/**
 * The files of one directory, rebuilt from a trace: what a program wrote, and what of it was surely on disk at each
 * step. A write counts from its end, a sync covers the writes that ended before it began, and counts from its end; a
 * file's name counts once the directory was synced. Everything is as little durable as POSIX allows.
 */
export class RecordedDisk {
  readonly #directory: string;
  readonly #positions = new Map<number, number>();
  readonly #syncsUnderWay = new Map<Syscall, () => void>();
  #seenNames: Names = new Map();
  #syncedNames: Names = new Map();
  #version = 0;
  #syncs = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Changes whenever more is surely on disk. */
  get version(): number {
    return this.#version;
  }

  /** Syncs of files that have ended. */
  get syncs(): number {
    return this.#syncs;
  }

  follow({ at, call }: TraceStep): void {
    if (at === "begin") this.#begin(call);
    else if (call.result !== undefined && call.result >= 0) this.#end(call, call.result);
  }

  /**
   * Writes the files as they may be after a power failure at this step.
   *
   * @param options.reached - asked for each change that was not synced, whether it reached the disk all the same.
   */
  async restore(target: string, { reached }: { reached: () => boolean }): Promise<void> {
    await mkdir(target, { recursive: true });
    for (const [path, file] of this.#syncedNames) {
      if (!isSharedMemory(path)) await writeFile(join(target, basename(path)), file.afterPowerFailure(reached));
    }
  }

  /** The contents of a file that are surely on disk, `undefined` if its name is not. */
  surelyHas(name: string): Buffer | undefined {
    return this.#syncedNames.get(join(this.#directory, name))?.synced.bytes;
  }

  /** Names of files that the program left in the directory with other contents than the trace tells. */
  async differences(): Promise<string[]> {
    const different: string[] = [];
    for (const name of await readdir(this.#directory)) {
      const file = this.#seenNames.get(join(this.#directory, name));
      const bytes = await readFile(join(this.#directory, name));
      if (!isSharedMemory(name) && file?.seen.bytes.equals(bytes) !== true) different.push(name);
    }
    return different;
  }

  #begin(call: Syscall): void {
    if (call.name !== "fsync" && call.name !== "fdatasync") return;
    const path = descriptorOf(call)?.target;
    if (path === undefined) return;
    if (path === this.#directory) {
      const names = this.#seenNames;
      this.#syncsUnderWay.set(call, () => {
        this.#syncedNames = names;
      });
      return;
    }
    const file = this.#seenNames.get(path);
    if (file === undefined) return;
    const { changes } = file;
    this.#syncsUnderWay.set(call, () => {
      file.sync(changes);
      this.#syncs++;
    });
  }

  #end(call: Syscall, result: number): void {
    switch (call.name) {
      case "fsync":
      case "fdatasync":
        this.#syncsUnderWay.get(call)?.();
        if (this.#syncsUnderWay.delete(call)) this.#version++;
        return;
      case "open":
      case "openat":
      case "creat":
        return this.#opened(call, result);
      case "pwrite64":
      case "write":
      case "writev":
        return this.#wrote(call, result);
      case "ftruncate":
        return this.#ofOurs(call)?.file.change({ length: lastNumber(call) });
      case "link":
      case "linkat":
      case "rename":
      case "renameat":
      case "renameat2":
      case "unlink":
      case "unlinkat":
        return this.#renamed(call);
      default:
        this.#assertForeign(call);
    }
  }

  #opened(call: Syscall, fd: number): void {
    const path = String(stringsOf(call)[0]);
    if (dirname(path) !== this.#directory) return;
    this.#positions.set(fd, 0);
    const known = this.#seenNames.get(path);
    if (known !== undefined && call.args.includes("O_TRUNC")) known.change({ length: 0 });
    if (known === undefined && call.args.includes("O_CREAT")) {
      this.#seenNames = new Map([...this.#seenNames, [path, new RecordedFile()]]);
    }
  }

  #wrote(call: Syscall, length: number): void {
    const ours = this.#ofOurs(call);
    if (ours === undefined) return;
    const bytes = Buffer.concat(stringsOf(call)).subarray(0, length);
    if (call.name === "pwrite64") {
      ours.file.change({ offset: lastNumber(call), bytes });
      return;
    }
    const offset = this.#positions.get(ours.fd) ?? 0;
    ours.file.change({ offset, bytes });
    this.#positions.set(ours.fd, offset + length);
  }

  #renamed(call: Syscall): void {
    const [from = "", to] = stringsOf(call).map(String);
    const file = this.#seenNames.get(from);
    if (file === undefined) return;
    const names = new Map(this.#seenNames);
    if (!call.name.startsWith("link")) names.delete(from);
    if (to !== undefined) names.set(to, file);
    this.#seenNames = names;
  }

  #ofOurs(call: Syscall): { fd: number; file: RecordedFile } | undefined {
    const descriptor = descriptorOf(call);
    const file = this.#seenNames.get(descriptor?.target ?? "");
    return descriptor === undefined || file === undefined ? undefined : { fd: descriptor.fd, file };
  }

  /** What is not followed above must not touch our files, or the picture would be wrong. */
  #assertForeign(call: Syscall): void {
    const path = descriptorOf(call)?.target ?? stringsOf(call).map(String).join();
    if (path.includes(this.#directory))
      throw new Error(`the server used ${call.name} on ${path}, which is not followed`);
  }
}

/** The file of SQLite's shared memory is mapped, and rebuilt after a failure: neither its contents nor its syncs count. */
function isSharedMemory(path: string): boolean {
  return path.endsWith("-shm");
}

function lastNumber({ args }: Syscall): number {
  return Number(/(\d+)$/.exec(args)?.[1]);
}

class GrowingBytes {
  #buffer: Buffer;
  #length: number;

  constructor(bytes: Uint8Array = Buffer.alloc(0)) {
    this.#buffer = Buffer.from(bytes);
    this.#length = bytes.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  apply(change: Change): void {
    const end = "length" in change ? change.length : change.offset + change.bytes.length;
    if (end > this.#buffer.length) this.#buffer = Buffer.concat([this.bytes], Math.max(end, 2 * this.#buffer.length));
    if ("length" in change) this.#buffer.fill(0, Math.min(end, this.#length));
    else this.#buffer.set(change.bytes, change.offset);
    this.#length = "length" in change ? end : Math.max(this.#length, end);
  }
}
