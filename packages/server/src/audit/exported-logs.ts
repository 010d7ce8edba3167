import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decodeEntryBundle,
  inclusionProof,
  MerkleError,
  TILE_WIDTH,
  type TileFile,
  tileHashReader,
  tilePath,
} from "@cinnabar/merkle-log";
import { isBatchHeader, parseBatchHeader } from "./batch-header.ts";
import {
  type LogBatch,
  type LogDamage,
  type LogListing,
  logName,
  type LogSource,
  parseLogName,
  sizeInNote,
  type StoredCheckpoint,
  unreadable,
  UnreadableLogError,
} from "./log-source.ts";
import { TreeFiles } from "./tree-files.ts";

/** Entries kept while looking for a batch's header; a server writes at most 513 events in a batch. */
const MAX_BATCH_ENTRIES = 4096;

/** The logs that `exportAudit` wrote below a directory. */
export class ExportedLogs implements LogSource {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  deployment(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async list(): Promise<LogListing> {
    const names = await listDirectory(this.#directory);
    if (names === undefined) throw new UnreadableLogError(`there is no directory ${this.#directory}`);
    const shards = names
      .map(parseLogName)
      .filter((shard) => shard !== undefined)
      .toSorted((a, b) => a - b);
    const checkpoints: StoredCheckpoint[] = [];
    for (const shard of shards) {
      const note = await this.#readNote(shard);
      if (note !== undefined) checkpoints.push({ shard, size: undefined, note });
    }
    return { shards, checkpoints, damage: [] };
  }

  async *read(shard: number): AsyncGenerator<LogBatch | LogDamage> {
    const signedSize = sizeInNote(await this.#readNote(shard));
    const files = new TreeFiles();
    let pending: Buffer[] = [];
    for await (const bundle of this.#readBundles(shard)) {
      if (!Array.isArray(bundle)) {
        yield bundle;
        break;
      }
      for (const entry of bundle) {
        yield* this.#compare(shard, files.add(entry));
        if (files.size === signedSize) yield* this.#compare(shard, files.partial());
        pending.push(entry);
        if (isBatchHeader(entry) || pending.length === MAX_BATCH_ENTRIES) {
          yield* batchOf(pending);
          pending = [];
        }
      }
    }
    if (pending.length > 0) yield* batchOf(pending);
    if (files.size !== signedSize) yield* this.#compare(shard, files.partial());
  }

  inclusionProof(shard: number, leaf: { index: number; size: number }): Promise<Uint8Array[]> {
    const readTile = async (path: string) => {
      const tile = await this.#readFile(shard, path);
      if (tile === undefined) throw new MerkleError("malformed-tile", `${logName(shard)}/${path} is missing`);
      return tile;
    };
    return inclusionProof(tileHashReader({ size: leaf.size, readTile }), leaf);
  }

  async #readNote(shard: number): Promise<string | undefined> {
    const note = await this.#readFile(shard, "checkpoint");
    return note?.toString("utf8");
  }

  /** The log's entries, one bundle after the other, to the widest last one; damage if a bundle is malformed. */
  async *#readBundles(shard: number): AsyncGenerator<Buffer[] | LogDamage> {
    for (let index = 0; ; index++) {
      const full = tilePath({ level: "entries", index, width: TILE_WIDTH });
      let bytes = await this.#readFile(shard, full);
      let width = TILE_WIDTH;
      if (bytes === undefined) {
        const widths = (await listDirectory(this.#path(shard, `${full}.p`))) ?? [];
        width = Math.max(0, ...widths.filter((name) => /^[1-9][0-9]{0,2}$/.test(name)).map(Number));
        if (width === 0) return;
        bytes = (await this.#readFile(shard, `${full}.p/${width}`)) ?? Buffer.alloc(0);
      }
      try {
        yield decodeEntryBundle(bytes, width);
      } catch (error) {
        if (!(error instanceof MerkleError)) throw error;
        yield unreadable(`${logName(shard)}/${full}: ${error.message}`);
      }
      if (width < TILE_WIDTH) return;
    }
  }

  async *#compare(shard: number, files: readonly TileFile[]): AsyncGenerator<LogDamage> {
    for (const { path, bytes } of files) {
      const stored = await this.#readFile(shard, path);
      if (stored !== undefined && stored.equals(bytes)) continue;
      const problem = stored === undefined ? "is missing" : "is not what the log's entries make";
      yield {
        kind: "damage",
        damage: "tile-mismatch",
        batch: undefined,
        detail: `${logName(shard)}/${path} ${problem}`,
      };
    }
  }

  #path(shard: number, path: string): string {
    return join(this.#directory, logName(shard), path);
  }

  #readFile(shard: number, path: string): Promise<Buffer | undefined> {
    return unlessMissing(readFile(this.#path(shard, path)));
  }
}

function* batchOf(entries: readonly Buffer[]): Generator<LogBatch | LogDamage> {
  const last = entries.at(-1);
  const hasHeader = last !== undefined && isBatchHeader(last);
  const place = hasHeader ? parseBatchHeader(last) : undefined;
  if (place === undefined) yield unreadable(`${entries.length} entries end without a batch's header that can be read`);
  const events: string[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const entry of hasHeader ? entries.slice(0, -1) : entries) {
    try {
      events.push(decoder.decode(entry));
    } catch {
      yield unreadable("an event is not UTF-8", place?.seq);
    }
  }
  const leaves = entries.map((entry) => ({ entry }));
  yield { kind: "batch", place, events, leaves, frontier: undefined };
}

function listDirectory(path: string): Promise<string[] | undefined> {
  return unlessMissing(readdir(path));
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
    throw new UnreadableLogError(`the exported files cannot be read: ${cause.message}`, { cause });
  }
}
