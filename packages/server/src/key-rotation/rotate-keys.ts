import { type Custody, isId, type Logger, type Metrics, readStoreTime, type Store } from "@cinnabar/kernel";
import {
  type AccountQuotas,
  type DueRotation,
  findNextRotation,
  type KeyToRotate,
  listDueRotations,
  listSpentKeys,
  listSpentVersions,
  rotateKey,
  VersionQuotaError,
} from "@cinnabar/kms";
import { type Job, PassedOver } from "../jobs/index.ts";

const EVERY_MILLIS = 60_000;
/** Longest piece, in milliseconds: between two of them the node's claim on the job is made longer. */
const PIECE_MILLIS = 2_000;
/** Due keys that are looked up at once. */
const PAGE_KEYS = 100;

/** Versions that are watched at most. */
const MAX_SPENT_VERSIONS = 1_000;

/** Why a version goes on encrypting that was replaced. */
class SpentVersionError extends Error {
  override readonly name = "SpentVersionError";
}

/** A key that is to be rotated. */
interface Turn {
  readonly key: KeyToRotate;
  /** The account whose quota of versions may keep it waiting; null if none does. */
  readonly quotaAccount: string | null;
  /** Moves on in the round, whatever comes of the key. */
  readonly pass: () => void;
}

/** The keys of an account that has as many versions as it may. */
interface Waiting {
  readonly error: VersionQuotaError;
  /** That which was due first. */
  readonly keyId: string;
  keys: number;
}

/** Rotates the keys that have encrypted very much, and then those whose policies say so, those first that were due first. */
export class RotateKeys implements Job {
  readonly name = "rotate-keys";
  readonly everyMillis = EVERY_MILLIS;
  readonly #store: Store;
  readonly #custody: Custody;
  readonly #quotas: AccountQuotas | undefined;
  readonly #log: Logger;
  readonly #passedOver: PassedOver;
  /** Where the round is: what could not be rotated is passed by until the next one. */
  #afterDue: DueRotation | undefined;
  #afterSpent = "";
  /** By account, what was found in this round to wait for room in its quota of versions. */
  readonly #waiting = new Map<string, Waiting>();
  /** Messages of the versions that were replaced for theirs, as of the last round. */
  #spent: ReadonlyMap<string, number> = new Map();

  constructor(options: {
    store: Store;
    custody: Custody;
    quotas?: AccountQuotas | undefined;
    log: Logger;
    metrics: Metrics;
  }) {
    this.#store = options.store;
    this.#custody = options.custody;
    this.#quotas = options.quotas;
    this.#log = options.log;
    this.#passedOver = new PassedOver({ ...options, backend: options.store.backend });
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const now = await readStoreTime(this.#store.backend);
    const endsAt = performance.now() + PIECE_MILLIS;
    for (;;) {
      const turns = await this.#nextPage(now);
      if (turns.length === 0) break;
      for (const turn of turns) {
        if (signal.aborted) return true;
        // Whatever comes of it, the next one gets its turn.
        turn.pass();
        await this.#take(turn);
        if (performance.now() >= endsAt) return true;
      }
    }
    await this.#tellWaiting();
    this.#afterDue = undefined;
    this.#afterSpent = "";
    await this.#watchSpent();
    this.#passedOver.endRound();
    return false;
  }

  nextDueAt(after: number): Promise<number | undefined> {
    return findNextRotation(this.#store.reader, after);
  }

  /** What is due next, by use as long as there is any; none at the end of the round. */
  async #nextPage(now: number): Promise<readonly Turn[]> {
    const { reader } = this.#store;
    const spent = await listSpentKeys(reader, { after: this.#afterSpent, limit: PAGE_KEYS });
    if (spent.length > 0) {
      return spent.map((key) => ({ key, quotaAccount: null, pass: () => void (this.#afterSpent = key.id) }));
    }
    const due = await listDueRotations(reader, { now, after: this.#afterDue, limit: PAGE_KEYS });
    return due.map((key) => ({ key, quotaAccount: key.quotaAccount, pass: () => void (this.#afterDue = key) }));
  }

  /** Tells of what waits for room, once for each account. */
  async #tellWaiting(): Promise<void> {
    for (const [accountId, { error, keyId, keys }] of this.#waiting) {
      const message = "keys whose rotation is due are not rotated, for their account has as many versions as it may";
      await this.#passedOver.add(error, { fields: { accountId, keyId, keys }, message });
    }
    this.#waiting.clear();
  }

  /** Tells of versions that go on encrypting although they were replaced: the instance protocol's plain operations keep to them. */
  async #watchSpent(): Promise<void> {
    const versions = await listSpentVersions(this.#store.reader, MAX_SPENT_VERSIONS);
    for (const { keyId, versionId: keyVersionId, messages } of versions) {
      const before = this.#spent.get(keyVersionId);
      if (before === undefined || messages <= before) continue;
      const error = new SpentVersionError(`${messages} messages of 2^32 are reserved`);
      const message = "a key version that is not the primary one encrypts on, and nears the end of what it may";
      await this.#passedOver.add(error, { fields: { keyId, keyVersionId }, message });
    }
    this.#spent = new Map(versions.map(({ versionId, messages }) => [versionId, messages]));
  }

  async #take({ key: { id: keyId }, quotaAccount }: Turn): Promise<void> {
    // What is no id was never written by us: the sweep says so.
    if (!isId("Key", keyId)) return;
    const waiting = quotaAccount === null ? undefined : this.#waiting.get(quotaAccount);
    if (waiting !== undefined) {
      // It waits too, and the next round looks again.
      waiting.keys++;
      return;
    }
    try {
      const rotation = await rotateKey(this.#store, { keyId, custody: this.#custody, quotas: this.#quotas });
      if (rotation !== undefined) this.#log.info({ keyId, ...rotation }, "a key was rotated");
    } catch (error) {
      if (error instanceof VersionQuotaError) {
        this.#waiting.set(error.accountId, { error, keyId, keys: 1 });
        return;
      }
      await this.#passedOver.add(error, { fields: { keyId }, message: "a key whose rotation is due is not rotated" });
    }
  }
}
