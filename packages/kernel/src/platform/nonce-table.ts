import { hash, randomFillSync } from "node:crypto";

/** Default number of slots: 8 bytes each, 128 MiB once all pages are in use. */
export const DEFAULT_NONCE_SLOTS = 2 ** 24;

/** Longest time that an entry is kept: a Timestamp may lie 15 minutes ahead, and is good for 15 minutes more. */
export const NONCE_LIFETIME_SECONDS = 1800;

/** What {@link NonceTable.check} found: never seen (and now remembered), seen before, or no room to remember it. */
export type NonceVerdict = "fresh" | "used" | "full";

/** A use of a nonce, at a time. Times are whole seconds since 1970. */
export interface NonceUse {
  /** {@link nonceDigest}; its first 6 bytes count. */
  readonly digest: Uint8Array;
  /** The request's own Timestamp + 15 minutes: the last second in which a replay would be answered. */
  readonly expiresAtSeconds: number;
  readonly nowSeconds: number;
}

const BUCKET_SLOTS = 32;
// A bucket is one stretch of memory, so that a look at it costs one page walk: 32 low words of the digests, then of 16
// bits each their 32 high parts and 32 expiry marks.
const BUCKET_WORDS = BUCKET_SLOTS * 2;
const BUCKET_HALVES = BUCKET_SLOTS * 4;
const HIGH_AT = BUCKET_SLOTS * 2;
const MARKS_AT = BUCKET_SLOTS * 3;

/** Above this share of live slots the table is full. Up to it, two choices of 32 slots leave no bucket overflowing. */
const MAX_LOAD = 0.8;
/** A mark is a second modulo this, plus 1: the mark 0 is left for a slot never used. */
const CLOCK_MODULUS = 0xffff;
/** Seconds in which the sweep visits every bucket: an expired mark is gone long before it would read as live again. */
const SWEEP_SECONDS = 16_384;
/** Length of the ring that counts entries by the second they expire in: the next power of two above the lifetime. */
const RING_SECONDS = 2048;

/**
 * The bytes that identify a use of a signature nonce: SHA-256 of the AccessKey id, a zero byte, and the nonce, or the
 * signature where no nonce was sent. An AccessKey id holds no zero byte, so two pairs never share an input.
 */
export function nonceDigest(use: { readonly accessKeyId: string; readonly nonce: string }): Buffer {
  return hash("sha256", `${use.accessKeyId}\0${use.nonce}`, "buffer");
}

/**
 * Remembers which nonces were used, until they expire: a hash table of fixed size that refuses when it is full rather
 * than forgets. It knows a nonce by 6 bytes of its digest, so a fresh one is called used about once in 2^42 checks.
 *
 * Every digest has two buckets of 32 slots, found by a hash seeded at random for each table, and goes where the first
 * free slot comes sooner. Nothing ever lies outside its buckets, so an expired slot is simply free: there are no chains
 * to keep whole. Memory is untouched until used, and given back whenever every entry has expired.
 */
export class NonceTable {
  readonly #slots: number;
  readonly #bucketBits: number;
  readonly #seeds = randomFillSync(new Int32Array(4)).map((seed) => seed | 1);
  readonly #expiring = new Uint32Array(RING_SECONDS);
  #words: Uint32Array;
  /** The same memory, as the high parts and the marks. */
  #halves: Uint16Array;
  #live = 0;
  #nowSeconds = 0;
  #nowMark = mark(0);
  #sweptBuckets = 0;

  /** @throws RangeError if `slots` is not a power of two from 1,024 to 2^28. */
  constructor(slots: number = DEFAULT_NONCE_SLOTS) {
    const bits = Math.log2(slots);
    if (!Number.isInteger(bits) || bits < 10 || bits > 28) {
      throw new RangeError("slots must be a power of two from 1,024 to 2^28");
    }
    this.#slots = slots;
    this.#bucketBits = bits - Math.log2(BUCKET_SLOTS);
    ({ words: this.#words, halves: this.#halves } = allocate(slots));
  }

  /** Share of the slots that hold an entry which had not expired at the last check. */
  get load(): number {
    return this.#live / this.#slots;
  }

  /**
   * Asks whether a nonce was used and, if not, remembers it up to and including the second `expiresAtSeconds`, or the
   * current one if that is later. Where `nowSeconds` goes back, the latest one seen holds.
   *
   * @throws RangeError if it would have to be kept longer than {@link NONCE_LIFETIME_SECONDS}.
   */
  check({ digest, expiresAtSeconds, nowSeconds }: NonceUse): NonceVerdict {
    if (nowSeconds > this.#nowSeconds) this.#advance(nowSeconds);
    const expiresAt = Math.max(expiresAtSeconds, this.#nowSeconds);
    if (expiresAt - this.#nowSeconds > NONCE_LIFETIME_SECONDS) {
      throw new RangeError("a nonce is kept for 30 minutes at most");
    }

    const low = half(digest, 0) + half(digest, 2) * 0x10000;
    const high = half(digest, 4);
    const first = this.#bucket(low, high, 0);
    const second = this.#bucket(low, high, 2);
    if (this.#holds(first, low, high) || this.#holds(second, low, high)) return "used";

    const freeInFirst = this.#firstFree(first);
    const freeInSecond = this.#firstFree(second);
    const slot = Math.min(freeInFirst, freeInSecond);
    if (slot === BUCKET_SLOTS || this.#live >= MAX_LOAD * this.#slots) return "full";
    const bucket = slot === freeInFirst ? first : second;
    this.#words[bucket * BUCKET_WORDS + slot] = low;
    this.#halves[bucket * BUCKET_HALVES + HIGH_AT + slot] = high;
    this.#halves[bucket * BUCKET_HALVES + MARKS_AT + slot] = mark(expiresAt);
    this.#expiring[expiresAt % RING_SECONDS] = this.#expiringAt(expiresAt) + 1;
    this.#live++;
    return "fresh";
  }

  /** Whether a nonce was used, as of the last check. Nothing is remembered. */
  holds(digest: Uint8Array): boolean {
    const low = half(digest, 0) + half(digest, 2) * 0x10000;
    const high = half(digest, 4);
    return this.#holds(this.#bucket(low, high, 0), low, high) || this.#holds(this.#bucket(low, high, 2), low, high);
  }

  #advance(now: number): void {
    const before = this.#nowSeconds;
    this.#nowSeconds = now;
    this.#nowMark = mark(now);
    if (this.#live === 0) return;

    const end = Math.min(now, before + RING_SECONDS);
    for (let second = before; second < end; second++) {
      this.#live -= this.#expiringAt(second);
      this.#expiring[second % RING_SECONDS] = 0;
    }
    if (this.#live === 0) ({ words: this.#words, halves: this.#halves } = allocate(this.#slots));
    else this.#sweep(now - before);
  }

  #expiringAt(second: number): number {
    return this.#expiring[second % RING_SECONDS] ?? 0;
  }

  #sweep(seconds: number): void {
    const buckets = 2 ** this.#bucketBits;
    const count = Math.ceil(buckets / SWEEP_SECONDS) * seconds;
    for (let i = 0; i < count; i++) {
      const start = this.#sweptBuckets * BUCKET_HALVES + MARKS_AT;
      for (let at = start; at < start + BUCKET_SLOTS; at++) {
        // Only a mark that is there is written: a page that was only read still costs no memory.
        if (this.#halves[at] !== 0 && !this.#isLive(at)) this.#halves[at] = 0;
      }
      this.#sweptBuckets = (this.#sweptBuckets + 1) % buckets;
    }
  }

  // Multilinear hashing: without the seeds nobody can choose digests that meet in one bucket.
  #bucket(low: number, high: number, choice: 0 | 2): number {
    const mixed = Math.imul(low, this.#seeds[choice] ?? 0) + Math.imul(high, this.#seeds[choice + 1] ?? 0);
    return mixed >>> (32 - this.#bucketBits);
  }

  #holds(bucket: number, low: number, high: number): boolean {
    const words = this.#words;
    const start = bucket * BUCKET_WORDS;
    const halves = bucket * BUCKET_HALVES;
    for (let slot = 0; slot < BUCKET_SLOTS; slot++) {
      if (
        words[start + slot] === low &&
        this.#halves[halves + HIGH_AT + slot] === high &&
        this.#isLive(halves + MARKS_AT + slot)
      ) {
        return true;
      }
    }
    return false;
  }

  /** The bucket's first slot that is free or has expired, {@link BUCKET_SLOTS} if there is none. */
  #firstFree(bucket: number): number {
    const start = bucket * BUCKET_HALVES + MARKS_AT;
    let slot = 0;
    while (slot < BUCKET_SLOTS && this.#isLive(start + slot)) slot++;
    return slot;
  }

  #isLive(at: number): boolean {
    const expiry = this.#halves[at] ?? 0;
    if (expiry === 0) return false;
    const left = expiry - this.#nowMark;
    return (left < 0 ? left + CLOCK_MODULUS : left) <= NONCE_LIFETIME_SECONDS;
  }
}

function allocate(slots: number): { readonly words: Uint32Array; readonly halves: Uint16Array } {
  const memory = new ArrayBuffer((slots / BUCKET_SLOTS) * BUCKET_WORDS * Uint32Array.BYTES_PER_ELEMENT);
  return { words: new Uint32Array(memory), halves: new Uint16Array(memory) };
}

function mark(seconds: number): number {
  return (seconds % CLOCK_MODULUS) + 1;
}

function half(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}
