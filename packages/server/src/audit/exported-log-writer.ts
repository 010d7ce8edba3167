import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MerkleError, type StoredEntry, type TileFile } from "@cinnabar/merkle-log";
import { OperatorError } from "../operator-error.ts";
import { EVENT_LINES, type LogBatch, sizeInNote, type StoredCheckpoint } from "./log-source.ts";
import { TreeFiles } from "./tree-files.ts";

/** Writes one log's files; whoever reads the log may not, so nobody else may read them either. */
export class ExportedLogWriter implements AsyncDisposable {
  readonly #directory: string;
  readonly #checkpoint: StoredCheckpoint | undefined;
  readonly #signedSize: number;
  readonly #withEvents: boolean;
  readonly #files = new TreeFiles();
  readonly #directories = new Set<string>();
  #events: FileHandle | undefined;

  constructor(
    directory: string,
    options: { readonly checkpoint: StoredCheckpoint | undefined; readonly withEvents: boolean },
  ) {
    this.#directory = directory;
    this.#checkpoint = options.checkpoint;
    this.#signedSize = sizeInNote(options.checkpoint?.note) ?? 0;
    this.#withEvents = options.withEvents;
  }

  /** @throws OperatorError if an event is longer than an entry of the layout can be. */
  async write(batch: LogBatch): Promise<void> {
    const { leaves, events = [] } = batch;
    for (const leaf of leaves) {
      await this.#writeFiles(this.#add(leaf));
      if (this.#files.size === this.#signedSize) await this.#writeFiles(this.#files.partial());
    }
    if (this.#withEvents && events.length > 0) {
      this.#events ??= await this.#create(EVENT_LINES);
      await this.#events.write(`${events.join("\n")}\n`);
    }
  }

  /** Writes what is left, the checkpoint last. Call once. */
  async finish(): Promise<{ size: number; signedSize: number; minimumIndex: number }> {
    const { size, minimumIndex } = this.#files;
    if (size !== this.#signedSize) await this.#writeFiles(this.#files.partial());
    if (this.#checkpoint !== undefined) {
      await this.#writeFiles([{ path: "checkpoint", bytes: Buffer.from(this.#checkpoint.note) }]);
    }
    return { size, signedSize: this.#signedSize, minimumIndex };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events?.close();
  }

  #add(leaf: StoredEntry): TileFile[] {
    try {
      return this.#files.add(leaf);
    } catch (error) {
      if (!(error instanceof MerkleError)) throw error;
      throw new OperatorError(`The log cannot be exported: ${error.message}.`, { cause: error });
    }
  }

  async #writeFiles(files: readonly TileFile[]): Promise<void> {
    for (const { path, bytes } of files) {
      await using file = await this.#create(path);
      await file.writeFile(bytes);
    }
  }

  async #create(path: string): Promise<FileHandle> {
    const absolute = join(this.#directory, path);
    const directory = dirname(absolute);
    if (!this.#directories.has(directory)) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      this.#directories.add(directory);
    }
    // The partial tile of a high level is often the same at both sizes that have partial files.
    return open(absolute, "w", 0o600);
  }
}
