/**
 * The classes that calls are counted in, each with the calls a second that one account may make in Alibaba Cloud's
 * shared gateway (KMS, "Performance quotas").
 */
export const CLOUD_LIMITS = {
  /** Encrypt, Decrypt, data keys. */
  crypto: 1000,
  ReEncrypt: 750,
  /** What is done with pairs, but for GetPublicKey. */
  Asymmetric: 200,
  ListResourceTags: 300,
  read: 50,
  write: 30,
  CreateKey: 10,
  OpenKmsService: 1,
  /** ActionTrail, "LookupEvents". */
  LookupEvents: 2,
} as const satisfies Readonly<Record<string, number>>;

export type ThrottlingClass = keyof typeof CLOUD_LIMITS;

/** Calls a second of each class that one account may make; a class that is not there is not limited. */
export type ThrottlingLimits = Readonly<Partial<Record<ThrottlingClass, number>>>;

/** Parts of a call that are lost or won where fractions are added up. */
const ROUNDING = 1e-6;

interface Bucket {
  tokens: number;
  filledAt: number;
}

/**
 * Limits the calls of each account, and of each provider's callers, class by class: token buckets that hold a second's worth. Each process counts for
 * itself, so that nobody waits for a database to be told to wait.
 */
export class Throttle {
  readonly #limits: ThrottlingLimits;
  readonly #now: () => number;
  /** By class, then by caller: only who has proven to be one gets a bucket. */
  readonly #buckets = new Map<ThrottlingClass, Map<string, Bucket>>();

  /** @param now - a monotonic clock in milliseconds. */
  constructor(limits: ThrottlingLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * Counts a call.
   *
   * @param caller - the account, or the provider that vouched for whoever calls.
   * @returns `undefined` if it may go on, else in how many milliseconds, at least 1, there is room for one.
   */
  take(throttlingClass: ThrottlingClass, caller: string): number | undefined {
    const limit = this.#limits[throttlingClass];
    if (limit === undefined) return undefined;
    const bucket = this.#bucket(throttlingClass, caller, limit);
    const now = this.#now();
    bucket.tokens = Math.min(limit, bucket.tokens + ((now - bucket.filledAt) * limit) / 1000);
    bucket.filledAt = now;
    const missing = 1 - bucket.tokens;
    if (missing > ROUNDING) return Math.max(1, Math.ceil(((missing - ROUNDING) * 1000) / limit));
    bucket.tokens--;
    return undefined;
  }

  #bucket(throttlingClass: ThrottlingClass, caller: string, limit: number): Bucket {
    let byCaller = this.#buckets.get(throttlingClass);
    if (byCaller === undefined) {
      byCaller = new Map();
      this.#buckets.set(throttlingClass, byCaller);
    }
    let bucket = byCaller.get(caller);
    if (bucket === undefined) {
      bucket = { tokens: limit, filledAt: this.#now() };
      byCaller.set(caller, bucket);
    }
    return bucket;
  }
}
