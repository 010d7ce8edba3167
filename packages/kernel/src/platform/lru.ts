interface Entry<K, V> {
  readonly key: K;
  value: V;
  older: Entry<K, V> | undefined;
  newer: Entry<K, V> | undefined;
}

/** Bounds what the values of a map take beside their number. */
export interface Weights<V> {
  /** Always the same for the same value. */
  of(value: V): number;
  readonly most: number;
}

/**
 * A map of at most `capacity` entries that drops the one least recently set or got, and more of these where the values weigh
 * too much together. The one set last stays, whatever it weighs.
 *
 * The order is a list linked through the entries. To take an entry out of a Map and put it in again is shorter, but makes
 * V8 copy the Map's table after every few uses, and old tables keep what was in them alive.
 */
export class Lru<K, V> {
  readonly #capacity: number;
  readonly #entries = new Map<K, Entry<K, V>>();
  #oldest: Entry<K, V> | undefined;
  #newest: Entry<K, V> | undefined;
  readonly #weights: Weights<V> | undefined;
  #weight = 0;

  /** @throws RangeError if `capacity` is not a positive integer. */
  constructor(capacity: number, weights?: Weights<V>) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) throw new RangeError("capacity must be a positive integer");
    this.#capacity = capacity;
    this.#weights = weights;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#use(entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      if (this.#oldest !== undefined && this.#entries.size === this.#capacity) this.#remove(this.#oldest);
      const entry = { key, value, older: undefined, newer: undefined };
      this.#entries.set(key, entry);
      this.#append(entry);
    } else {
      this.#weight -= this.#weigh(known.value);
      known.value = value;
      this.#use(known);
    }
    this.#weight += this.#weigh(value);
    const most = this.#weights?.most ?? 0;
    while (this.#weight > most && this.#oldest !== undefined && this.#oldest !== this.#newest) {
      this.#remove(this.#oldest);
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#weight = 0;
  }

  #weigh(value: V): number {
    return this.#weights?.of(value) ?? 0;
  }

  #use(entry: Entry<K, V>): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #remove(entry: Entry<K, V>): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
    this.#weight -= this.#weigh(entry.value);
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry<K, V>): void {
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    entry.older = undefined;
    entry.newer = undefined;
  }
}
