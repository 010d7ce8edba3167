import {
  type AccountId,
  AccountKeyError,
  type AccountKeyUse,
  listAccountsToRewrap,
  type Logger,
  type Metrics,
  type Store,
} from "@cinnabar/kernel";
import { type Job, PassedOver } from "../jobs/index.ts";
import { rewrapSome } from "./account-keys.ts";

const EVERY_MILLIS = 5 * 60 * 1000;
/** Longest piece, in milliseconds: between two of them the node's claim on the job is made longer. */
const PIECE_MILLIS = 2_000;
const MESSAGE = "an account's keys cannot be wrapped anew";

/** Ends rotations of account keys that were interrupted: wraps what is left under the current versions. */
export class RewrapAccountKeys implements Job {
  readonly name = "rewrap-account-keys";
  readonly everyMillis = EVERY_MILLIS;
  readonly #store: Store;
  readonly #uses: readonly AccountKeyUse[];
  readonly #log: Logger;
  readonly #passedOver: PassedOver;
  /** Accounts that are still to be looked at in this round; `undefined` between rounds. */
  #left: AccountId[] | undefined;

  constructor(options: { store: Store; uses: readonly AccountKeyUse[]; log: Logger; metrics: Metrics }) {
    this.#store = options.store;
    this.#uses = options.uses;
    this.#log = options.log;
    this.#passedOver = new PassedOver({ ...options, backend: options.store.backend });
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const endsAt = performance.now() + PIECE_MILLIS;
    const { reader: db, guard } = this.#store;
    const tellForged = (error: Error): void => this.#passedOver.addTampered(error, { message: MESSAGE });
    this.#left ??= [...(await listAccountsToRewrap({ db, guard }, this.#uses, tellForged))];
    for (;;) {
      if (signal.aborted || performance.now() >= endsAt) return true;
      // Whatever comes of it, the others get their turn.
      const accountId = this.#left.shift();
      if (accountId === undefined) break;
      if (await this.#takeStep(accountId)) this.#left.push(accountId);
    }
    this.#left = undefined;
    this.#passedOver.endRound();
    return false;
  }

  /** @returns whether there is more to do. */
  async #takeStep(accountId: AccountId): Promise<boolean> {
    const { region, reader, guard, control, keys } = this.#store;
    try {
      const store = { region, reader, guard, run: control.run.bind(control) };
      const { isDone, to } = await rewrapSome(store, { keys, uses: this.#uses, accountId });
      if (isDone) this.#log.info({ accountId, version: to }, "all of an account's is under its current key");
      return !isDone;
    } catch (error) {
      // No account is without a key: a row that names one which is was not written by Cinnabar.
      const isForged = error instanceof AccountKeyError && error.code === "notFound";
      const entry = { fields: { accountId }, message: MESSAGE };
      if (isForged) this.#passedOver.addTampered(error, entry);
      else await this.#passedOver.add(error, entry);
      return false;
    }
  }
}
