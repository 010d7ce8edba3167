import type { Kysely } from "kysely";
import { type EntityCache, type EntityFinder, type EntityKind, sameTag } from "../store/entity-cache.ts";
import type { TimeWindow } from "../store/backend.ts";
import type { Store } from "../store/store.ts";
import type { StoreClock } from "../platform/store-clock.ts";

/** What a request is evaluated against: this process's cache, or the locked state of a control transaction. */
export interface View extends EntityFinder {
  readonly db: Kysely<unknown>;
  /** Reads what is never changed once it is written; where left out, `db` does. */
  readonly log?: Kysely<unknown>;
  /** Store time in milliseconds. */
  readonly now: number;
  /** As a request's context has it. */
  readonly asOf: number;
  /** As a request's context has it. */
  readonly allowsWork: boolean;
  /** As a request's context has it. */
  holdBatches(): Promise<boolean>;
  /** As a request's context has it. */
  stillHolds(): Promise<boolean>;
}

interface Use {
  readonly kind: EntityKind<object>;
  readonly id: string;
  readonly entity: object;
}

/** The cached view of one request; remembers what it was shown, so that it can tell whether that is still so. */
export class CachedView implements View {
  readonly now: number;
  readonly asOf: number;
  readonly allowsWork: boolean;
  readonly #cache: EntityCache;
  readonly #db: Kysely<unknown>;
  readonly #generation: number;
  readonly #tag: Uint8Array;
  readonly #uses: Use[] = [];
  /** Something was read that the cache does not hold: an absence, or rows. */
  #readStore = false;

  /** @param options.allowsWork - true if left out. */
  constructor(options: { cache: EntityCache; clock: StoreClock; db: Kysely<unknown>; allowsWork?: boolean }) {
    this.allowsWork = options.allowsWork ?? true;
    this.#cache = options.cache;
    this.#db = options.db;
    this.now = options.clock.now();
    this.#generation = options.cache.generation;
    this.asOf = options.cache.epoch.value;
    this.#tag = options.cache.epoch.tag;
  }

  /** Of the store as this process knows it now. */
  static of({ cache, clock, reader }: Store, { allowsWork = true } = {}): CachedView {
    return new CachedView({ cache, clock, db: reader, allowsWork });
  }

  get db(): Kysely<unknown> {
    this.#readStore = true;
    return this.#db;
  }

  get log(): Kysely<unknown> {
    return this.#db;
  }

  holdBatches(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async stillHolds(): Promise<boolean> {
    await this.#cache.refresh();
    return sameTag(this.#tag, this.#cache.epoch.tag);
  }

  find<E extends object>(kind: EntityKind<E>, id: string): E | undefined | Promise<E | undefined> {
    const entity = this.#cache.peek(kind, id);
    if (entity === undefined) return this.#load(kind, id);
    this.#uses.push({ kind, id, entity });
    return entity;
  }

  async #load<E extends object>(kind: EntityKind<E>, id: string): Promise<E | undefined> {
    const entity = await this.#cache.find(kind, id);
    if (entity === undefined) this.#readStore = true;
    else this.#uses.push({ kind, id, entity });
    return entity;
  }

  /**
   * True while no control transaction has come in between, or every entity that the request used is the one the cache
   * holds now. What was read from the store itself is only known to hold without one.
   */
  isCurrent(): boolean {
    if (this.#cache.generation === this.#generation) return true;
    return !this.#readStore && this.#uses.every(({ kind, id, entity }) => this.#cache.peek(kind, id) === entity);
  }
}

/** Narrows a window of validity; `undefined` is all of time. */
export function narrow(window: TimeWindow | undefined, by: Partial<TimeWindow>): TimeWindow {
  return {
    from: Math.max(window?.from ?? 0, by.from ?? 0),
    until: Math.min(window?.until ?? Number.MAX_SAFE_INTEGER, by.until ?? Number.MAX_SAFE_INTEGER),
  };
}
