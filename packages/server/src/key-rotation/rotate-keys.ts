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

/** Rotates the keys whose policies say so, those first that were due first, and then those that have encrypted very much. */
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
  /** Accounts that were found in this round to have as many versions as they may. */
  readonly #full = new Set<string>();
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
      const keys = await this.#nextPage(now);
      if (keys.length === 0) break;
      for (const { key, pass } of keys) {
        if (signal.aborted) return true;
        // Whatever comes of it, the next one gets its turn.
        pass();
        await this.#rotate(key);
        if (performance.now() >= endsAt) return true;
      }
    }
    this.#afterDue = undefined;
    this.#afterSpent = "";
    this.#full.clear();
    await this.#watchSpent();
    this.#passedOver.endRound();
    return false;
  }

  nextDueAt(after: number): Promise<number | undefined> {
    return findNextRotation(this.#store.reader, after);
  }

  /** What is due next, by policy as long as there is any; none at the end of the round. */
  async #nextPage(now: number): Promise<readonly { readonly key: KeyToRotate; readonly pass: () => void }[]> {
    const { reader } = this.#store;
    const due = await listDueRotations(reader, { now, after: this.#afterDue, limit: PAGE_KEYS });
    if (due.length > 0) return due.map((key) => ({ key, pass: () => void (this.#afterDue = key) }));
    const spent = await listSpentKeys(reader, { after: this.#afterSpent, limit: PAGE_KEYS });
    return spent.map((key) => ({ key, pass: () => void (this.#afterSpent = key.id) }));
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

  async #rotate({ id: keyId, quotaAccount }: KeyToRotate): Promise<void> {
    // What is no id was never written by us: the sweep says so.
    if (!isId("Key", keyId) || (quotaAccount !== null && this.#full.has(quotaAccount))) return;
    try {
      const rotation = await rotateKey(this.#store, { keyId, custody: this.#custody, quotas: this.#quotas });
      if (rotation !== undefined) this.#log.info({ keyId, ...rotation }, "a key was rotated");
    } catch (error) {
      // Its other keys need no look: they wait too, and the next round tries again.
      if (error instanceof VersionQuotaError) this.#full.add(error.accountId);
      await this.#passedOver.add(error, { fields: { keyId }, message: "a key whose rotation is due is not rotated" });
    }
  }
}
