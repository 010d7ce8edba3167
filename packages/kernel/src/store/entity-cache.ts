import type { Kysely } from "kysely";
import { ownCopy } from "../platform/own-copy.ts";
import type { Backend, SqlConnection } from "./backend.ts";
import { digestChanges } from "./change-digest.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import { type RowGuard, TamperedRowError } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";
import { epochSumPlace } from "./sum-places.ts";

/** Where an entity is read from: current rows, and the keys that authenticate them. */
export interface EntityReader {
  readonly db: Kysely<unknown>;
  readonly guard: RowGuard;
}

/**
 * A kind of entity: a whole aggregate that is read, cached and invalidated as one (a key with its versions,
 * a user with groups and attachments). What an aggregate lacks is part of it.
 */
export interface EntityKind<E extends object> {
  /** Unique; names the kind in the store's change list. */
  readonly name: string;
  /** How many entities of the kind a process keeps. */
  readonly capacity: number;
  /**
   * About how many bytes of memory an entity takes, always the same for the same one: a process keeps at most
   * {@link MAX_KIND_BYTES} of the kind. Left out where entities are small, so that the capacity bounds them.
   */
  weigh?(entity: E): number;
  /** Reads the entity with one consistent statement per table, or gives `undefined` if it does not exist. Never changes what it returned. */
  load(reader: EntityReader, id: string): Promise<E | undefined>;
}

/** Finds entities for a request; the cached and the locked way have the same face. */
export interface EntityFinder {
  find<E extends object>(kind: EntityKind<E>, id: string): E | undefined | Promise<E | undefined>;
}

/** The store's order of control transactions as a process last read it. */
export interface Epoch {
  readonly value: number;
  readonly tag: Uint8Array;
  /** Digest of the change list up to here; null where none was kept yet. */
  readonly changes: Uint8Array | null;
}

export function entityName(kind: EntityKind<object>, id: string): string {
  return `${kind.name}:${id}`;
}

/** What a process learns of the changes in the store when it adopts another epoch. */
export interface ChangeListener {
  /** An entity changed, or is no more, whether it was cached or not. Must not throw. */
  changed(kindName: string, id: string): void;
  /** Anything may have changed. */
  everythingChanged(): void;
}

/** What the entities of one kind may weigh together, in bytes. */
export const MAX_KIND_BYTES = 64 * 1024 * 1024;

/** How many control transactions back the change list reaches. */
export const CHANGE_LIST_LENGTH = 100_000;
/** Who is further behind forgets everything: the list may lose its oldest rows while it is read. */
const CHANGE_LIST_REACH = CHANGE_LIST_LENGTH - 1_000;

/**
 * The entities of one process as of an epoch tag.
 *
 * A refresh reads the tag first and the rows after it: rows newer than the tag cost a retry at worst, a tag newer
 * than the rows would let a withdrawn right through. "Not found" is never kept.
 */
export class EntityCache {
  readonly #reader: EntityReader;
  readonly #kernel: Kysely<KernelSchema>;
  readonly #tampered: (error: TamperedRowError) => void;
  readonly #entities = new Map<string, KindCache>();
  readonly #loading = new Map<string, Promise<object | undefined>>();
  #epoch: Epoch;
  #generation = 0;
  #listener: ChangeListener | undefined;

  constructor(options: {
    backend: Backend;
    connection?: SqlConnection;
    guard: RowGuard;
    /** Authenticated by whoever read it. */
    epoch: Epoch;
    /** Told of a change list that is not the one that was written; everything is forgotten then. Must not throw. */
    tampered?: (error: TamperedRowError) => void;
  }) {
    const connection = options.connection ?? options.backend.reader;
    this.#reader = { db: kyselyOn(options.backend.kind, connection), guard: options.guard };
    this.#kernel = kyselyOn(options.backend.kind, connection);
    this.#tampered = options.tampered ?? (() => undefined);
    this.#epoch = options.epoch;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Changes whenever the epoch does: what was found at another generation may be out of date. */
  get generation(): number {
    return this.#generation;
  }

  /** Tells a listener, one at most, of every change from now on, before anything is found as of the epoch with it. */
  listen(listener: ChangeListener): void {
    this.#listener = listener;
  }

  find<E extends object>(kind: EntityKind<E>, id: string): E | undefined | Promise<E | undefined> {
    const cached = this.peek(kind, id);
    return cached ?? this.#load(kind, id);
  }

  /** The entity if it is in memory. */
  peek<E extends object>(kind: EntityKind<E>, id: string): E | undefined {
    // Only `#load` puts entities in, under their own kind.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return this.#entities.get(kind.name)?.entities.get(id) as E | undefined;
  }

  /**
   * Reads the epoch and forgets what has changed since the last time.
   *
   * @throws {@link TamperedRowError} if the epoch is not one that a control transaction wrote.
   */
  async refresh(): Promise<void> {
    const known = this.#epoch;
    const row = await this.#kernel
      .selectFrom("epoch")
      .select(["value", "tag", "time", "clock_offset", "clock_epoch", "sum", "changes"])
      .where("id", "=", 1)
      .executeTakeFirstOrThrow();
    if (sameTag(row.tag, known.tag)) return;
    this.#reader.guard.openSum(row.sum, epochSumPlace(row));
    const epoch: Epoch = { value: row.value, tag: row.tag, changes: row.changes };
    const changed = await this.#changedSince(known, epoch);
    // Another refresh, or a control of this process, may have moved on while this one read.
    if (this.#epoch !== known) return;
    this.#adopt(epoch, changed);
  }

  /** Takes over the outcome of a control transaction of this very process. */
  advance(from: Uint8Array, to: Epoch, changed: readonly string[]): void {
    if (sameTag(from, this.#epoch.tag)) this.#adopt(to, changed);
  }

  #adopt(epoch: Epoch, changed: readonly string[] | "everything"): void {
    this.#epoch = epoch;
    this.#generation++;
    if (changed === "everything") {
      this.#entities.clear();
      this.#listener?.everythingChanged();
      return;
    }
    for (const name of changed) {
      const split = name.indexOf(":");
      const [kindName, id] = [name.slice(0, split), name.slice(split + 1)];
      this.#entities.get(kindName)?.delete(id);
      this.#listener?.changed(kindName, id);
    }
  }

  async #changedSince(known: Epoch, epoch: Epoch): Promise<readonly string[] | "everything"> {
    if (epoch.value <= known.value || epoch.value - known.value >= CHANGE_LIST_REACH) return "everything";
    // After a failover or a restore the same number can stand for another control transaction.
    const control = await this.#kernel
      .selectFrom("audit_batch")
      .select("incarnation")
      .where("shard", "=", 0)
      .where("seq", "=", known.value)
      .executeTakeFirst();
    if (control === undefined || !sameTag(control.incarnation, known.tag)) return "everything";
    const changes = await this.#kernel
      .selectFrom("change")
      .selectAll()
      .where("epoch", ">", known.value)
      .where("epoch", "<=", epoch.value)
      .orderBy("epoch")
      .execute();
    let digest = known.changes;
    for (const [value, rows] of Map.groupBy(changes, (row) => row.epoch)) {
      digest = digestChanges(digest, { epoch: value, entities: rows.map(({ entity }) => entity) });
    }
    if (!isSameDigest(digest, epoch.changes)) {
      this.#tampered(
        new TamperedRowError(
          "change",
          `rows of the epochs ${known.value + 1} to ${epoch.value} are missing, or others`,
        ),
      );
      return "everything";
    }
    return changes.map(({ entity }) => entity);
  }

  async #load<E extends object>(kind: EntityKind<E>, id: string): Promise<E | undefined> {
    const name = entityName(kind, id);
    // A thousand requests for a cold entity make one read. It may have begun before this request did, but not
    // before the epoch that the cache is at: a change in between moves the epoch, and the read is made again.
    const begun = this.#loading.get(name);
    if (begun !== undefined) {
      const entity = await begun;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- #loading is keyed by the kind's name.
      if (entity !== undefined) return entity as E;
      // What was missing then may have been made before this request began: only a read of its own can say no.
      return this.#read(kind, id);
    }
    const loading = this.#read(kind, id).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #read<E extends object>(kind: EntityKind<E>, named: string): Promise<E | undefined> {
    const id = ownCopy(named);
    for (;;) {
      const generation = this.#generation;
      const entity = await kind.load(this.#reader, id);
      if (generation !== this.#generation) continue;
      if (entity !== undefined) this.#keep(kind, id, entity);
      return entity;
    }
  }

  #keep(kind: EntityKind<object>, id: string, entity: object): void {
    let entities = this.#entities.get(kind.name);
    if (entities === undefined) {
      entities = new KindCache(kind);
      this.#entities.set(kind.name, entities);
    }
    entities.keep(id, entity);
  }
}

export function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function isSameDigest(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : sameTag(a, b);
}

/** What is kept of one kind. */
class KindCache {
  readonly entities = new Map<string, object>();
  readonly #kind: EntityKind<object>;
  #bytes = 0;

  constructor(kind: EntityKind<object>) {
    this.#kind = kind;
  }

  keep(id: string, entity: object): void {
    this.delete(id);
    const bytes = this.#weigh(entity);
    // The oldest go: entities are cheap to read again, and a scan must not cost bookkeeping on every use.
    for (const oldest of this.entities.keys()) {
      if (this.entities.size < this.#kind.capacity && this.#bytes + bytes <= MAX_KIND_BYTES) break;
      this.delete(oldest);
    }
    this.entities.set(id, entity);
    this.#bytes += bytes;
  }

  delete(id: string): void {
    const entity = this.entities.get(id);
    if (entity === undefined) return;
    this.entities.delete(id);
    this.#bytes -= this.#weigh(entity);
  }

  #weigh(entity: object): number {
    return this.#kind.weigh?.(entity) ?? 0;
  }
}
