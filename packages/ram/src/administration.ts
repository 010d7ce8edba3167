import { randomUUID } from "node:crypto";
import {
  type AccessKeyId,
  type AccountId,
  assertRootKey,
  type ControlStore,
  type ControlTransaction,
  type DeploymentKeys,
  encodeSystemEvent,
  type EntityReader,
  type RowChange,
  type SystemEventName,
} from "@cinnabar/kernel";
import {
  type AccessKeyEntry,
  accessKeyKind,
  accessKeyTable,
  findAccessKey,
  listRootAccessKeys,
} from "./access-key/access-key-repository.ts";
import {
  type Account,
  accountKind,
  type AccountSettings,
  accountTable,
  listAccounts,
  listServiceAccounts,
  toSettingColumns,
} from "./account.ts";
import { AdministrationError } from "./administration-error.ts";
import { insertFurtherAccessKey, keepAndWrite, type KeepAccessKey } from "./access-key/keep-access-key.ts";
import { type NewAccessKey, newAccessKey } from "./access-key/new-access-key.ts";
import { newAccount } from "./new-account.ts";

/** AccessKeys that an account's root may have, of either status: enough to replace each one while it is in use. */
export const MAX_ROOT_ACCESS_KEYS = 5;

/** An account and how many AccessKeys its root has. */
export interface AccountSummary extends Pick<Account, "id" | "isEnabled" | "createdAt" | "settings"> {
  readonly accessKeys: number;
  readonly activeAccessKeys: number;
}

/** Ends a control transaction that found everything as it was to be. */
class NothingToDoError extends Error {
  override readonly name = "NothingToDoError";
}

/**
 * What an operator does with accounts and the AccessKeys of their roots; those of users can be disabled and deleted as
 * well. Each change is a control transaction with its
 * event in the account's own trail: from the moment that it returns it holds on every node.
 */
export class Administration {
  readonly #store: ControlStore;
  readonly #keys: DeploymentKeys;

  constructor(options: { store: ControlStore; keys: DeploymentKeys }) {
    this.#store = options.store;
    this.#keys = options.keys;
  }

  /** All accounts but those of services, the oldest first. */
  async listAccounts(): Promise<AccountSummary[]> {
    const keys = Map.groupBy(await listRootAccessKeys(this.#reader), ({ accountId }) => accountId);
    const accounts = (await listAccounts(this.#reader)).filter(({ service }) => service === undefined);
    return accounts.map(({ id, isEnabled, createdAt, settings }) => {
      const own = keys.get(id) ?? [];
      return {
        id,
        isEnabled,
        createdAt,
        settings,
        accessKeys: own.length,
        activeAccessKeys: own.filter(({ isActive }) => isActive).length,
      };
    });
  }

  /** Makes an account with a key of its own and an AccessKey of its root. */
  createAccount(keep: KeepAccessKey): Promise<{ readonly accountId: AccountId; readonly accessKeyId: AccessKeyId }> {
    const keys = this.#keys;
    const wrap = keys.accountKeyWrap;
    const { rows, ...accessKey } = newAccount({ keys, ...this.#reader, now: this.#store.now() });
    const insert = async (transaction: ControlTransaction): Promise<readonly RowChange[]> => {
      await assertRootKey(transaction, wrap);
      return rows;
    };
    return this.#create(accessKey, { event: "CreateAccount", keep, insert });
  }

  /** @returns false if it was so already. @throws AdministrationError `accountNotFound` */
  async setAccountEnabled(id: AccountId, isEnabled: boolean): Promise<boolean> {
    return this.#change(async (transaction) => {
      const { stored, ...account } = await loadAccount(transaction, id);
      if (account.isEnabled === isEnabled) throw new NothingToDoError();
      const { guard, db } = transaction;
      const status = isEnabled ? "Enabled" : "Disabled";
      await transaction.write(accountTable.update(guard, db, stored, { ...stored.row, status }));
      transaction.touch(accountKind, id);
      return this.#event(transaction, isEnabled ? "EnableAccount" : "DisableAccount", { accountId: id });
    });
  }

  /**
   * Changes settings of an account; those that are left out stay as they are.
   *
   * @returns false if they were so already. @throws AdministrationError `accountNotFound`
   */
  async changeAccountSettings(id: AccountId, wanted: Partial<AccountSettings>): Promise<boolean> {
    return this.#change(async (transaction) => {
      const { stored, settings } = await loadAccount(transaction, id);
      const next = { ...settings, ...wanted };
      const isSame =
        next.requireUsageReview === settings.requireUsageReview &&
        next.separationOfDuties === settings.separationOfDuties;
      if (isSame) throw new NothingToDoError();
      const { guard, db } = transaction;
      const row = { ...stored.row, ...toSettingColumns(wanted) };
      await transaction.write(accountTable.update(guard, db, stored, row));
      transaction.touch(accountKind, id);
      return this.#event(transaction, "ChangeAccountSettings", { accountId: id, ...wanted });
    });
  }

  /** The AccessKeys of all accounts' roots, or of one's, the oldest first. @throws AdministrationError `accountNotFound` */
  async listAccessKeys(options: { readonly accountId?: AccountId | undefined } = {}): Promise<AccessKeyEntry[]> {
    if (options.accountId !== undefined) await loadAccount(this.#reader, options.accountId);
    const services = new Set((await listServiceAccounts(this.#reader)).map(({ id }) => id));
    return (await listRootAccessKeys(this.#reader, options)).filter(({ accountId }) => !services.has(accountId));
  }

  /** Makes a further AccessKey of an account's root. @throws AdministrationError `accountNotFound`, `tooManyAccessKeys` */
  async createAccessKey(
    accountId: AccountId,
    keep: KeepAccessKey,
  ): Promise<{ readonly accountId: AccountId; readonly accessKeyId: AccessKeyId }> {
    const assertRoom = async (reader: EntityReader): Promise<void> => {
      await loadAccount(reader, accountId);
      const { length } = await listRootAccessKeys(reader, { accountId });
      if (length < MAX_ROOT_ACCESS_KEYS) return;
      throw new AdministrationError(
        "tooManyAccessKeys",
        `The account ${accountId} has ${length} AccessKeys and may have no more. Delete one that nobody uses first.`,
      );
    };
    // Before anything is kept that would have to be thrown away.
    await assertRoom(this.#reader);
    const accessKey = newAccessKey(this.#keys, accountId);
    const insert = async (transaction: ControlTransaction): Promise<readonly RowChange[]> => {
      await assertRoom(transaction);
      return [await insertFurtherAccessKey(transaction, this.#keys, accessKey)];
    };
    return this.#create(accessKey, { event: "CreateAccessKey", keep, insert });
  }

  /** @returns false if it was active already. @throws AdministrationError `accessKeyNotFound` */
  enableAccessKey(id: AccessKeyId): Promise<boolean> {
    return this.#setAccessKeyStatus(id, "Active", () => Promise.resolve());
  }

  /**
   * @param options.force - disable it even if its account's root has no other active one.
   * @returns false if it was inactive already.
   * @throws AdministrationError `accessKeyNotFound`, `lastActiveAccessKey`
   */
  disableAccessKey(id: AccessKeyId, { force }: { readonly force: boolean }): Promise<boolean> {
    return this.#setAccessKeyStatus(id, "Inactive", async (transaction, { accountId, userId }) => {
      if (force || userId !== undefined) return;
      await assertNotLastActive(transaction, { id, accountId });
    });
  }

  /**
   * Deletes an AccessKey for good.
   *
   * @param options.force - delete it even if it is active.
   * @throws AdministrationError `accessKeyNotFound`, `accessKeyInUse`, `lastActiveAccessKey`
   */
  async deleteAccessKey(id: AccessKeyId, { force }: { readonly force: boolean }): Promise<void> {
    await this.#store.run(async (transaction) => {
      const { accountId, userId, isActive, stored } = await loadAccessKey(transaction, id);
      if (isActive && !force) {
        if (userId === undefined) await assertNotLastActive(transaction, { id, accountId });
        throw new AdministrationError(
          "accessKeyInUse",
          `The AccessKey ${id} is active. Disable it first: that can be undone, should somebody still use it.`,
        );
      }
      await transaction.write(accessKeyTable.delete(transaction.guard, transaction.db, stored));
      this.#touch(transaction, id);
      return this.#event(transaction, "DeleteAccessKey", { accessKeyId: id, accountId });
    });
  }

  get #reader(): EntityReader {
    return { db: this.#store.reader, guard: this.#store.guard };
  }

  #create(
    accessKey: NewAccessKey,
    options: {
      event: "CreateAccount" | "CreateAccessKey";
      keep: KeepAccessKey;
      insert: (transaction: ControlTransaction) => Promise<readonly RowChange[]>;
    },
  ): Promise<{ accountId: AccountId; accessKeyId: AccessKeyId }> {
    const { event: name, keep, insert } = options;
    return keepAndWrite(this.#store, accessKey, {
      keep,
      insert,
      describe: (transaction, made) => this.#event(transaction, name, { ...made }).event,
    });
  }

  #setAccessKeyStatus(
    id: AccessKeyId,
    status: "Active" | "Inactive",
    assertAllowed: (transaction: ControlTransaction, accessKey: AccessKeyEntry) => Promise<void>,
  ): Promise<boolean> {
    return this.#change(async (transaction) => {
      const accessKey = await loadAccessKey(transaction, id);
      const { accountId, stored } = accessKey;
      if (stored.row.status === status) throw new NothingToDoError();
      await assertAllowed(transaction, accessKey);
      const { guard, db } = transaction;
      await transaction.write(accessKeyTable.update(guard, db, stored, { ...stored.row, status }));
      this.#touch(transaction, id);
      const name = status === "Active" ? "EnableAccessKey" : "DisableAccessKey";
      return this.#event(transaction, name, { accessKeyId: id, accountId });
    });
  }

  async #change(
    body: (transaction: ControlTransaction) => Promise<{ result: undefined; event: string }>,
  ): Promise<boolean> {
    try {
      await this.#store.run(body);
      return true;
    } catch (error) {
      if (error instanceof NothingToDoError) return false;
      throw error;
    }
  }

  #touch(transaction: ControlTransaction, accessKeyId: AccessKeyId): void {
    transaction.touch(accessKeyKind(this.#keys), accessKeyId);
  }

  #event(
    transaction: ControlTransaction,
    name: SystemEventName,
    data: { readonly accessKeyId?: string; readonly accountId: string } & Partial<AccountSettings>,
  ): { result: undefined; event: string } {
    const event = encodeSystemEvent({
      name,
      region: this.#store.region,
      eventId: randomUUID().toUpperCase(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: { ...data },
      accountId: data.accountId,
    });
    return { result: undefined, event };
  }
}

async function loadAccount(reader: EntityReader, id: AccountId): Promise<Account> {
  const account = await accountKind.load(reader, id);
  if (account === undefined) throw new AdministrationError("accountNotFound", `There is no account ${id}.`);
  if (account.service === undefined) return account;
  throw new AdministrationError(
    "accountNotFound",
    `${id} is the service ${account.service}, which cinnabar service looks after, and no account.`,
  );
}

async function loadAccessKey(reader: EntityReader, id: AccessKeyId): Promise<AccessKeyEntry> {
  const accessKey = await findAccessKey(reader, id);
  if (accessKey === undefined) throw new AdministrationError("accessKeyNotFound", `There is no AccessKey ${id}.`);
  return accessKey;
}

/** @throws AdministrationError `lastActiveAccessKey` if the root or service has no other active one. */
async function assertNotLastActive(
  reader: EntityReader,
  { id, accountId }: { readonly id: AccessKeyId; readonly accountId: string },
): Promise<void> {
  const others = await listRootAccessKeys(reader, { accountId });
  if (others.some((other) => other.isActive && other.id !== id)) return;
  const service = (await accountKind.load(reader, accountId))?.service;
  const [owner, effect] =
    service === undefined
      ? [`the account ${accountId}`, "nobody could call as its root any more"]
      : [`the service ${service}`, "it could not call any more"];
  throw new AdministrationError(
    "lastActiveAccessKey",
    `The AccessKey ${id} is the last active one of ${owner}: without it ${effect}. Create another one first.`,
  );
}
