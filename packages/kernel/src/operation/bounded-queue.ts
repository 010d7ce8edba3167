/**
 * How many calls of a queue are served at once, and how much more may wait, but for {@link OWN_PLACES}: so many calls where each
 * weighs 1, and fewer that weigh more.
 */
export interface QueueLimits {
  readonly concurrency: number;
  readonly length: number;
}

/** When whoever found a queue full may try again, in milliseconds. */
export const QUEUE_RETRY_MILLIS = 1_000;

/** So many accounts may wait with one call each when others have taken all places. */
export const OWN_PLACES = 64;

/**
 * Kinds of work that are dear enough to keep other calls from being served. An operation that does such work names its
 * queue; when that is full, the answer is Rejected.Throttling, whatever limits of calls a second there are.
 */
export const QUEUES = {
  /** Searching the audit log: reads of the store, and some event loop. */
  lookup: { concurrency: 2, length: 8 },
  /** Looking at what a change of rights gives to whom: many rows, and some event loop. */
  rights: { concurrency: 2, length: 32 },
  /** Hashing passwords: memory, and threads of the pool. */
  password: { concurrency: 2, length: 8 },
} as const satisfies Readonly<Record<string, QueueLimits>>;

export type QueueName = keyof typeof QUEUES;

/**
 * Calls without a signature, while it is found out who makes them: a read of the store, a signature to check, perhaps
 * documents of others to wait for. Nobody is proven to call yet, so that addresses take turns here instead of accounts.
 */
export const UNSIGNED_QUEUE: QueueLimits = { concurrency: 16, length: 32 };

/** A piece of work that waits. */
interface Waiting {
  readonly weight: number;
  /** Whether it has one of the {@link OWN_PLACES}. */
  readonly isBeside: boolean;
  readonly begin: () => void;
}

/** What one account has in a queue. */
interface Share {
  running: number;
  /** In their order. */
  readonly waiting: Waiting[];
}

/**
 * Does few pieces of work at once, lets few more wait, and takes no more than that. Work that takes longer may weigh more than
 * 1, and takes as much of what may wait. Accounts take turns, and neither one nor several together can keep another out: each
 * runs all but one of what may run at once, and has half of what may wait, one piece at least of each; and when that is
 * taken, whoever has nothing waiting still gets a place, unless so many accounts wait that {@link OWN_PLACES} are taken too.
 */
export class BoundedQueue {
  readonly #limits: QueueLimits;
  readonly #limitsOfOne: QueueLimits;
  /** Of the accounts that have something here, the one whose last turn is longest ago first. */
  readonly #shares = new Map<string, Share>();
  #running = 0;
  /** What waits weighs so much. */
  #waiting = 0;
  #besides = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
    this.#limitsOfOne = {
      concurrency: Math.max(1, limits.concurrency - 1),
      length: Math.max(1, Math.floor(limits.length / 2)),
    };
  }

  /** Whether nothing more is taken from an account now: its share is used up, or it waits already and the queue is full. */
  isFullFor(account: string, weight = 1): boolean {
    const share = this.#shares.get(account);
    if (this.#mayRun(share)) return false;
    const waiting = share?.waiting ?? [];
    if (waiting.length === 0) return this.#exceeds(weight) && this.#besides >= OWN_PLACES;
    const waitingWeight = waiting.reduce((sum, work) => sum + work.weight, weight);
    return this.#exceeds(weight) || waitingWeight > this.#limitsOfOne.length;
  }

  /** Runs `work` when it is the account's turn. @throws RangeError if the queue is full for it: ask before. */
  async run<T>(account: string, work: () => T | Promise<T>, weight = 1): Promise<T> {
    if (this.isFullFor(account, weight)) throw new RangeError("the queue is full for this account");
    const share = this.#shares.get(account) ?? { running: 0, waiting: [] };
    if (this.#mayRun(share)) this.#begin(account, share);
    else {
      this.#shares.set(account, share);
      const isBeside = this.#exceeds(weight);
      this.#waiting += weight;
      if (isBeside) this.#besides++;
      await new Promise<void>((begin) => share.waiting.push({ weight, isBeside, begin }));
    }
    try {
      return await work();
    } finally {
      this.#running--;
      share.running--;
      if (share.running === 0 && share.waiting.length === 0) this.#shares.delete(account);
      this.#next();
    }
  }

  #mayRun(share: Share | undefined): boolean {
    return this.#running < this.#limits.concurrency && (share?.running ?? 0) < this.#limitsOfOne.concurrency;
  }

  #exceeds(weight: number): boolean {
    return this.#waiting + weight > this.#limits.length;
  }

  #begin(account: string, share: Share): void {
    this.#running++;
    share.running++;
    this.#shares.delete(account);
    this.#shares.set(account, share);
  }

  /** Gives the place that has become free to whoever waits and may run. */
  #next(): void {
    for (const [account, share] of this.#shares) {
      if (!this.#mayRun(share)) continue;
      const next = share.waiting.shift();
      if (next === undefined) continue;
      this.#waiting -= next.weight;
      if (next.isBeside) this.#besides--;
      this.#begin(account, share);
      next.begin();
      return;
    }
  }
}
