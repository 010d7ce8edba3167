import { type Custody, isId, type Logger, type Metrics, readStoreTime, type Store } from "@cinnabar/kernel";
import {
  type DueExpiry,
  expireKeyMaterial,
  findLastErasure,
  findNextExpiry,
  listDueExpiries,
  materialTables,
} from "@cinnabar/kms";
import { type Job, PassedOver } from "../jobs/index.ts";
import { SteadyClock } from "./steady-clock.ts";

const EVERY_MILLIS = 60_000;
/** Longest piece, in milliseconds: between two of them the node's claim on the job is made longer. */
const PIECE_MILLIS = 2_000;
/** Versions with expired material that are looked up at once. */
const PAGE_VERSIONS = 100;

/** Erases imported material that has expired, and what copies the database has of erased material, whoever erased it. */
export class ExpireMaterial implements Job {
  readonly name = "expire-key-material";
  readonly everyMillis = EVERY_MILLIS;
  readonly #store: Store;
  readonly #custody: Pick<Custody, "accountKeys">;
  readonly #log: Logger;
  readonly #passedOver: PassedOver;
  readonly #delayMillis: number;
  readonly #clock = new SteadyClock();
  /** Where the round is: what could not be erased is passed by until the next one. */
  #after: DueExpiry | undefined;
  /** The latest erasure of which the database keeps no copies any more, in store milliseconds. */
  #cleanUpTo = -1;

  /** @param options.delayMillis - for how long the store's time must have run evenly before anything is erased. */
  constructor(options: {
    store: Store;
    custody: Pick<Custody, "accountKeys">;
    log: Logger;
    metrics: Metrics;
    delayMillis: number;
  }) {
    this.#store = options.store;
    this.#custody = options.custody;
    this.#log = options.log;
    this.#passedOver = new PassedOver({ ...options, backend: options.store.backend });
    this.#delayMillis = options.delayMillis;
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const now = await readStoreTime(this.#store.backend);
    if (this.#clock.look(now) >= this.#delayMillis && !(await this.#eraseDue(now, signal))) return true;
    await this.#eraseRemnants();
    return false;
  }

  nextDueAt(after: number): Promise<number | undefined> {
    return findNextExpiry(this.#store.reader, after);
  }

  /** @returns whether nothing is left of the round. */
  async #eraseDue(now: number, signal: AbortSignal): Promise<boolean> {
    const endsAt = performance.now() + PIECE_MILLIS;
    for (;;) {
      const due = await listDueExpiries(this.#store.reader, { now, after: this.#after, limit: PAGE_VERSIONS });
      for (const version of due) {
        if (signal.aborted) return false;
        // Whatever comes of it, the next one gets its turn.
        this.#after = version;
        await this.#erase(version);
        if (performance.now() >= endsAt) return false;
      }
      if (due.length < PAGE_VERSIONS) break;
    }
    this.#after = undefined;
    this.#passedOver.endRound();
    return true;
  }

  async #erase({ keyId }: DueExpiry): Promise<void> {
    try {
      // What is no id was never written by us: the sweep says so.
      const versions = isId("Key", keyId)
        ? await expireKeyMaterial(this.#store, { keyId, custody: this.#custody })
        : [];
      if (versions.length > 0) this.#log.info({ keyId, versions }, "imported key material expired and was erased");
    } catch (error) {
      await this.#passedOver.add(error, { fields: { keyId }, message: "expired key material is not erased" });
    }
  }

  async #eraseRemnants(): Promise<void> {
    const last = await findLastErasure(this.#store.reader);
    if (last === undefined || last <= this.#cleanUpTo) return;
    if (await this.#store.backend.eraseRemnants(materialTables)) this.#cleanUpTo = last;
  }
}
