import { isId, type Logger, type Metrics, readStoreTime, type Store } from "@cinnabar/kernel";
import { destroyKey, type DueKey, findNextDeletion, listDueKeys, materialTables } from "@cinnabar/kms";
import { type Job, PassedOver } from "../jobs/index.ts";
import { SteadyClock } from "./steady-clock.ts";

const EVERY_MILLIS = 60_000;
/** Longest piece, in milliseconds: between two of them the node's claim on the job is made longer. */
const PIECE_MILLIS = 2_000;
/** Due keys that are looked up at once. */
const PAGE_KEYS = 100;

/** Destroys the keys whose deletion is due, those first that were due first. */
export class DestroyKeys implements Job {
  readonly name = "destroy-key-material";
  readonly everyMillis = EVERY_MILLIS;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #passedOver: PassedOver;
  readonly #delayMillis: number;
  readonly #clock = new SteadyClock();
  /** Where the round is: what could not be destroyed is passed by until the next one. */
  #after: DueKey | undefined;
  /** Of what this process, or one before it that was killed, has destroyed the database may have copies. */
  #hasRemnants = true;

  /** @param options.delayMillis - for how long the store's time must have run evenly before anything is destroyed. */
  constructor(options: { store: Store; log: Logger; metrics: Metrics; delayMillis: number }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#passedOver = new PassedOver({ ...options, backend: options.store.backend });
    this.#delayMillis = options.delayMillis;
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const now = await readStoreTime(this.#store.backend);
    if (this.#clock.look(now) < this.#delayMillis) return false;
    const endsAt = performance.now() + PIECE_MILLIS;
    for (;;) {
      const due = await listDueKeys(this.#store.reader, { now, after: this.#after, limit: PAGE_KEYS });
      for (const key of due) {
        if (signal.aborted) return true;
        // Whatever comes of it, the next one gets its turn.
        this.#after = key;
        await this.#destroy(key);
        if (performance.now() >= endsAt) return true;
      }
      if (due.length < PAGE_KEYS) break;
    }
    this.#after = undefined;
    this.#passedOver.endRound();
    if (this.#hasRemnants) this.#hasRemnants = !(await this.#store.backend.eraseRemnants(materialTables));
    return false;
  }

  nextDueAt(after: number): Promise<number | undefined> {
    return findNextDeletion(this.#store.reader, after);
  }

  async #destroy({ id: keyId }: DueKey): Promise<void> {
    try {
      // What is no id was never written by us: the sweep says so.
      const destroyed = isId("Key", keyId) ? await destroyKey(this.#store, keyId) : undefined;
      if (destroyed === undefined) return;
      this.#hasRemnants = true;
      const { epoch, versions } = destroyed;
      this.#log.info({ keyId, epoch, versions: versions.length }, "a key was destroyed");
    } catch (error) {
      await this.#passedOver.add(error, { fields: { keyId }, message: "a key whose deletion is due is not destroyed" });
    }
  }
}
