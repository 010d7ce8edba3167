import { randomUUID } from "node:crypto";
import {
  assertRootKey,
  type ControlStore,
  type ControlTransaction,
  type DeploymentKeys,
  encodeSystemEvent,
  type EntityReader,
  parseId,
  type SystemEventName,
} from "@cinnabar/kernel";
import { type AccessKeyEntry, listRootAccessKeys } from "../access-key/access-key-repository.ts";
import {
  insertFurtherAccessKey,
  keepAndWrite,
  type KeepAccessKey,
  type MadeAccessKey,
} from "../access-key/keep-access-key.ts";
import { newAccessKey } from "../access-key/new-access-key.ts";
import { type Account, accountKind, accountTable, findServiceAccount, listServiceAccounts } from "../account.ts";
import { AdministrationError } from "../administration-error.ts";
import { newAccount } from "../new-account.ts";
import type { ServiceName } from "./service-name.ts";

/** Enough to replace the one that a service uses. */
const MAX_SERVICE_ACCESS_KEYS = 2;

/** A service that was enabled once. */
export interface Service extends Pick<Account, "isEnabled" | "createdAt"> {
  readonly name: string;
  /** What stands as its account in events. Nothing belongs to it but the AccessKeys. */
  readonly accountId: string;
  readonly accessKeys: readonly AccessKeyEntry[];
}

/**
 * The services of the deployment, which its operator alone enables. Each has an account of its own, in which it has no right
 * but to prove who calls. Each change is a control transaction with its event: when it returns, it holds on every node.
 */
export class Services {
  readonly #store: ControlStore;
  readonly #keys: DeploymentKeys;

  constructor(options: { store: ControlStore; keys: DeploymentKeys }) {
    this.#store = options.store;
    this.#keys = options.keys;
  }

  /** All that were ever enabled, the first one first. */
  async list(): Promise<readonly Service[]> {
    const reader = this.#reader;
    const accounts = await listServiceAccounts(reader);
    return Promise.all(accounts.map((account) => toService(reader, account)));
  }

  /** `undefined` if it was never enabled. */
  async find(name: ServiceName): Promise<Service | undefined> {
    const account = await findServiceAccount(this.#reader, name);
    return account && toService(this.#reader, account);
  }

  /** Enables a service for the first time, with an AccessKey. @throws AdministrationError `serviceExists` */
  async create(name: ServiceName, keep: KeepAccessKey): Promise<MadeAccessKey> {
    const keys = this.#keys;
    const wrap = keys.accountKeyWrap;
    const reader = this.#reader;
    // Before anything is kept that would have to be thrown away.
    await assertNew(reader, name);
    const { rows, ...accessKey } = newAccount({ keys, ...reader, now: this.#store.now() }, name);
    return keepAndWrite(this.#store, accessKey, {
      keep,
      insert: async (transaction) => {
        await assertNew(transaction, name);
        await assertRootKey(transaction, wrap);
        return rows;
      },
      describe: (transaction, made) => this.#event(transaction, "EnableService", { service: name, ...made }),
    });
  }

  /** @returns false if it was so already. @throws AdministrationError `serviceNotFound` */
  async setEnabled(name: ServiceName, isEnabled: boolean): Promise<boolean> {
    if ((await load(this.#reader, name)).isEnabled === isEnabled) return false;
    await this.#store.run(async (transaction) => {
      const { id: accountId, stored } = await load(transaction, name);
      const { guard, db } = transaction;
      const status = isEnabled ? "Enabled" : "Disabled";
      await transaction.write(accountTable.update(guard, db, stored, { ...stored.row, status }));
      transaction.touch(accountKind, accountId);
      const event = isEnabled ? "EnableService" : "DisableService";
      return { result: undefined, event: this.#event(transaction, event, { service: name, accountId }) };
    });
    return true;
  }

  /**
   * Makes a further AccessKey of a service. Those of before hold until they are disabled or deleted.
   *
   * @throws AdministrationError `serviceNotFound`, `tooManyAccessKeys`
   */
  async createAccessKey(name: ServiceName, keep: KeepAccessKey): Promise<MadeAccessKey> {
    const { id } = await loadWithRoom(this.#reader, name);
    const accessKey = newAccessKey(this.#keys, parseId("Account", id));
    return keepAndWrite(this.#store, accessKey, {
      keep,
      insert: async (transaction) => {
        await loadWithRoom(transaction, name);
        return [await insertFurtherAccessKey(transaction, this.#keys, accessKey)];
      },
      describe: (transaction, made) => this.#event(transaction, "CreateAccessKey", { service: name, ...made }),
    });
  }

  get #reader(): EntityReader {
    return { db: this.#store.reader, guard: this.#store.guard };
  }

  #event(
    transaction: ControlTransaction,
    name: SystemEventName,
    data: { readonly service: ServiceName; readonly accountId: string; readonly accessKeyId?: string },
  ): string {
    return encodeSystemEvent({
      name,
      region: this.#store.region,
      eventId: randomUUID().toUpperCase(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: { ...data },
      accountId: data.accountId,
    });
  }
}

async function toService(reader: EntityReader, account: Account): Promise<Service> {
  const { id: accountId, service: name = "", isEnabled, createdAt } = account;
  return { name, accountId, isEnabled, createdAt, accessKeys: await listRootAccessKeys(reader, { accountId }) };
}

async function load(reader: EntityReader, name: ServiceName): Promise<Account> {
  const account = await findServiceAccount(reader, name);
  if (account !== undefined) return account;
  throw new AdministrationError("serviceNotFound", `The service ${name} was never enabled.`);
}

async function assertNew(reader: EntityReader, name: ServiceName): Promise<void> {
  if ((await findServiceAccount(reader, name)) === undefined) return;
  throw new AdministrationError("serviceExists", `The service ${name} is there already.`);
}

async function loadWithRoom(reader: EntityReader, name: ServiceName): Promise<Account> {
  const account = await load(reader, name);
  const { length } = await listRootAccessKeys(reader, { accountId: account.id });
  if (length < MAX_SERVICE_ACCESS_KEYS) return account;
  throw new AdministrationError(
    "tooManyAccessKeys",
    `The service ${name} has ${length} AccessKeys and may have no more. Delete the one that it uses no longer first.`,
  );
}
