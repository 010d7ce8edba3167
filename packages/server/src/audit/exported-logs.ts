import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decodeEntryBundle,
  decodeHashTile,
  inclusionProof,
  MerkleError,
  type StoredEntry,
  TILE_WIDTH,
  type TileFile,
  tileHashReader,
  tilePath,
} from "@cinnabar/merkle-log";
import { isBatchHeader, parseBatchHeader } from "./batch-header.ts";
import {
  EVENT_LINES,
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
import { remainsPath, TreeFiles } from "./tree-files.ts";

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
    if (shards.length === 0)
      throw new UnreadableLogError(`the directory ${this.#directory} has none of the exported logs`);
    const checkpoints: StoredCheckpoint[] = [];
    for (const shard of shards) {
      const note = await this.#readNote(shard);
      if (note !== undefined) checkpoints.push({ shard, size: undefined, note });
    }
    const eventLines = await Promise.all(
      shards.map((shard) => unlessMissing(access(join(this.#directory, logName(shard), EVENT_LINES)).then(() => true))),
    );
    return { shards, checkpoints, damage: [], hasEventLines: eventLines.includes(true) };
  }

  async *read(shard: number): AsyncGenerator<LogBatch | LogDamage> {
    const signedSize = sizeInNote(await this.#readNote(shard));
    const files = new TreeFiles();
    let pending: StoredEntry[] = [];
    for await (const bundle of this.#readBundles(shard)) {
      if (!Array.isArray(bundle)) {
        yield bundle;
        break;
      }
      for (const entry of bundle) {
        yield* this.#compare(shard, files.add(entry));
        if (files.size === signedSize) yield* this.#compare(shard, files.partial());
        pending.push(entry);
        if (isHeader(entry) || pending.length === MAX_BATCH_ENTRIES) {
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
  async *#readBundles(shard: number): AsyncGenerator<StoredEntry[] | LogDamage> {
    for (let index = 0; ; index++) {
      const full = tilePath({ level: "entries", index, width: TILE_WIDTH });
      const bundle =
        (await this.#readBundle(shard, { path: full, index, width: TILE_WIDTH })) ??
        (await this.#readPartialBundle(shard, { full, index }));
      if (bundle === undefined) return;
      yield bundle;
      if (!Array.isArray(bundle) || bundle.length < TILE_WIDTH) return;
    }
  }

  async #readPartialBundle(
    shard: number,
    { full, index }: { full: string; index: number },
  ): Promise<StoredEntry[] | LogDamage | undefined> {
    const names = await Promise.all(
      [full, remainsPath(full)].map(async (path) => (await listDirectory(this.#path(shard, `${path}.p`))) ?? []),
    );
    const widths = names.flat().filter((name) => /^[1-9][0-9]{0,2}$/.test(name));
    const width = Math.max(0, ...widths.map(Number).filter((number) => number < TILE_WIDTH));
    return width === 0 ? undefined : this.#readBundle(shard, { path: `${full}.p/${width}`, index, width });
  }

  /** A bundle, or what remains of it together with the leaf hashes of its dropped entries. */
  async #readBundle(
    shard: number,
    { path, index, width }: { path: string; index: number; width: number },
  ): Promise<StoredEntry[] | LogDamage | undefined> {
    const whole = await this.#readFile(shard, path);
    const bytes = whole ?? (await this.#readFile(shard, remainsPath(path)));
    if (bytes === undefined) return undefined;
    try {
      const entries = decodeEntryBundle(bytes, width);
      if (whole !== undefined) return entries.map((entry) => ({ entry }));
      const tile = await this.#readFile(shard, tilePath({ level: 0, index, width }));
      const hashes = decodeHashTile(tile ?? Buffer.alloc(0), width);
      return entries.map((entry, position): StoredEntry => {
        const leafHash = hashes[position];
        return entry.length > 0 || leafHash === undefined ? { entry } : { leafHash };
      });
    } catch (error) {
      if (!(error instanceof MerkleError)) throw error;
      return unreadable(`${logName(shard)}/${whole === undefined ? remainsPath(path) : path}: ${error.message}`);
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

function* batchOf(leaves: readonly StoredEntry[]): Generator<LogBatch | LogDamage> {
  const last = leaves.at(-1)?.entry;
  const hasHeader = last !== undefined && isBatchHeader(last);
  const place = hasHeader ? parseBatchHeader(last) : undefined;
  if (place === undefined) yield unreadable(`${leaves.length} entries end without a batch's header that can be read`);
  const ofEvents = hasHeader ? leaves.slice(0, -1) : leaves;
  const events: string[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const { entry } of ofEvents) {
    if (entry === undefined) continue;
    try {
      events.push(decoder.decode(entry));
    } catch {
      yield unreadable("an event is not UTF-8", place?.seq);
    }
  }
  const isDropped = ofEvents.some(({ entry }) => entry === undefined);
  yield { kind: "batch", place, events, isDropped, leaves, frontier: undefined };
}

function isHeader({ entry }: StoredEntry): boolean {
  return entry !== undefined && isBatchHeader(entry);
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
