import {
  accountKeyTable,
  type AccountKeyUse,
  isId,
  type Logger,
  type Metrics,
  readStoreTime,
  type Store,
} from "@cinnabar/kernel";
import { findNextRetirement, listRetiringAccounts, retireAccountKey, type RetiringAccount } from "@cinnabar/kms";
import { type Job, PassedOver } from "../jobs/index.ts";
import { SteadyClock } from "./steady-clock.ts";

const EVERY_MILLIS = 60 * 60 * 1000;
/** Longest piece, in milliseconds: between two of them the node's claim on the job is made longer. */
const PIECE_MILLIS = 2_000;

/** Replaces the keys of accounts that wrapped destroyed material, and destroys the old ones when backups are gone. */
export class RetireAccountKeys implements Job {
  readonly name = "retire-account-keys";
  readonly everyMillis = EVERY_MILLIS;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #passedOver: PassedOver;
  readonly #uses: readonly AccountKeyUse[];
  /** Where rows are deleted, or written anew, on the way. */
  readonly #tables: readonly string[];
  readonly #delayMillis: number;
  readonly #backupRetentionMillis: number;
  readonly #clock = new SteadyClock();
  /** Accounts that are still to be looked at in this round; `undefined` between rounds. */
  #left: RetiringAccount[] | undefined;
  /** Of what this process, or one before it that was killed, has destroyed the database may have copies. */
  #hasRemnants = true;

  /** @param options.delayMillis - for how long the store's time must have run evenly before any step is taken. */
  constructor(options: {
    store: Store;
    log: Logger;
    metrics: Metrics;
    uses: readonly AccountKeyUse[];
    delayMillis: number;
    backupRetentionMillis: number;
  }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#passedOver = new PassedOver({ ...options, backend: options.store.backend });
    this.#uses = options.uses;
    this.#tables = [accountKeyTable.name, ...options.uses.map(({ table }) => table)];
    this.#delayMillis = options.delayMillis;
    this.#backupRetentionMillis = options.backupRetentionMillis;
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const now = await readStoreTime(this.#store.backend);
    if (this.#clock.look(now) < this.#delayMillis) return false;
    const endsAt = performance.now() + PIECE_MILLIS;
    this.#left ??= [...(await listRetiringAccounts(this.#store.reader))];
    for (;;) {
      if (signal.aborted || performance.now() >= endsAt) return true;
      // Whatever comes of it, the others get their turn.
      const account = this.#left.shift();
      if (account === undefined) break;
      if (await this.#takeStep(account, now)) this.#left.push(account);
    }
    this.#left = undefined;
    this.#passedOver.endRound();
    if (this.#hasRemnants) this.#hasRemnants = !(await this.#store.backend.eraseRemnants(this.#tables));
    return false;
  }

  nextDueAt(after: number): Promise<number | undefined> {
    return findNextRetirement(this.#store.reader, { after, backupRetentionMillis: this.#backupRetentionMillis });
  }

  /** @returns whether something was done, and more may be due. */
  async #takeStep({ accountId, version }: RetiringAccount, now: number): Promise<boolean> {
    if (!isId("Account", accountId)) return false;
    try {
      const uses = this.#uses;
      const backupRetentionMillis = this.#backupRetentionMillis;
      const step = await retireAccountKey(this.#store, { accountId, version, uses, backupRetentionMillis, now });
      if (step === undefined) return false;
      this.#hasRemnants ||= step === "destroyed";
      this.#log.info({ accountId, step }, "an account's key was replaced, or an old version of it destroyed");
      return true;
    } catch (error) {
      const message = "an account's key cannot be replaced, or an old version of it not destroyed";
      await this.#passedOver.add(error, { fields: { accountId }, message });
      return false;
    }
  }
}
