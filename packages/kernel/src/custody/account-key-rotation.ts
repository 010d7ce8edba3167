import { type AccountId, isId } from "../platform/ids.ts";
import type { ControlTransaction } from "../store/control.ts";
import type { EntityReader } from "../store/entity-cache.ts";
import type { Verified } from "../store/protected-table.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import type { AccountKeyUse } from "./account-key-use.ts";
import {
  type AccountKeyRow,
  type AccountKeys,
  accountKeysKind,
  accountKeyTable,
  assertRootKey,
  listAccountsInRotation,
  newAccountKey,
  selectAccountKeys,
} from "./account-keys.ts";
import type { DeploymentKeys } from "./deployment-keys.ts";

/** - `notFound`: the account has no such key. - `current`, `inUse`: it is needed still. */
export type AccountKeyErrorCode = "notFound" | "current" | "inUse";

/** What was asked for of an account key cannot be done, and nothing was changed. The message is a sentence without secrets. */
export class AccountKeyError extends Error {
  override readonly name = "AccountKeyError";
  readonly code: AccountKeyErrorCode;

  constructor(code: AccountKeyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A version of an account's key, without the key. Instants are store milliseconds. */
export interface AccountKeyVersion {
  readonly accountId: AccountId;
  /** Counts from 1. */
  readonly version: number;
  /** `undefined` of versions from before it was kept. */
  readonly createdAt: number | undefined;
  /** From then on nothing in the store was wrapped under it; `undefined` of the current version, and until then. */
  readonly rewrappedAt: number | undefined;
  /** The key as it is stored, wrapped under the root key. */
  readonly wrapped: Uint8Array;
}

/** The versions of an account's key that are there, the oldest first. None if there is no such account. */
export async function listAccountKeyVersions(reader: EntityReader, accountId: AccountId): Promise<AccountKeyVersion[]> {
  return (await loadRows(reader, accountId)).map(({ row }) => ({
    accountId,
    version: row.version,
    createdAt: row.created_at ?? undefined,
    rewrappedAt: row.rewrapped_at ?? undefined,
    wrapped: row.wrapped,
  }));
}

/**
 * Gives an account a new version of its key, inside the caller's transaction. Whatever commits after it wraps new
 * material under that version; what there is stays readable under the old ones until {@link rewrapStep} has moved it.
 *
 * @param options.keys - of the process: `store.keys`.
 * @returns the version up to now, and the new one.
 * @throws {@link AccountKeyError} `notFound`. {@link RootKeyRotatedError}
 */
export async function rotateAccountKey(
  transaction: ControlTransaction,
  options: { readonly keys: DeploymentKeys; readonly accountId: AccountId },
): Promise<{ readonly from: number; readonly to: number }> {
  const { keys, accountId } = options;
  const { guard, db, now } = transaction;
  const { current } = await loadAccountKeys(transaction, options);
  await assertRootKey(transaction, keys.accountKeyWrap);
  const version = current.version + 1;
  const { change } = newAccountKey({ keys, accountId, version, guard, db, now });
  await transaction.write(change);
  transaction.touch(accountKeysKind(keys), accountId);
  return { from: current.version, to: version };
}

/** What a step has done. */
export interface RewrapStep {
  /** Rows that were wrapped anew. */
  readonly rewrapped: number;
  /** Nothing of the account's is wrapped under an older version any more. */
  readonly isDone: boolean;
  /** The current version, under which it all is then. */
  readonly to: number;
}

/**
 * Wraps some of an account's rows under the current version of its key, inside the caller's transaction. Repeated until
 * it is done, by whomever, it moves all. The transaction in which it is done notes that of the older versions.
 *
 * @param options.uses - every column that is wrapped under account keys.
 * @param options.rows - most rows of this step: each costs the transaction some 0.1 ms on SQLite, 1 ms on PostgreSQL.
 * @throws {@link AccountKeyError} `notFound`
 */
export async function rewrapStep(
  transaction: ControlTransaction,
  options: {
    readonly keys: DeploymentKeys;
    readonly uses: readonly AccountKeyUse[];
    readonly accountId: AccountId;
    readonly rows: number;
  },
): Promise<RewrapStep> {
  const { keys, uses, accountId, rows } = options;
  const accountKeys = await loadAccountKeys(transaction, options);
  let rewrapped = 0;
  for (const use of uses) {
    if (rewrapped === rows) break;
    rewrapped += await use.rewrap(transaction, { keys, accountKeys, accountId, limit: rows - rewrapped });
  }
  const to = accountKeys.current.version;
  const isDone = rewrapped < rows;
  if (isDone) await markRewrapped(transaction, { accountId, current: to });
  return { rewrapped, isDone, to };
}

/** Whether something of an account's is to be wrapped anew, or to be noted. */
export async function needsRewrapping(
  reader: EntityReader,
  options: { readonly uses: readonly AccountKeyUse[]; readonly accountId: AccountId },
): Promise<boolean> {
  const { uses, accountId } = options;
  const versions = await listAccountKeyVersions(reader, accountId);
  const current = versions.pop();
  if (current === undefined) return false;
  if (versions.some(({ rewrappedAt }) => rewrappedAt === undefined)) return true;
  for (const use of uses) {
    if (await use.hasOlder(reader, { accountId, version: current.version })) return true;
  }
  return false;
}

/**
 * The accounts for which {@link needsRewrapping} may be so, but for rows that somebody has put back.
 *
 * @param onTampered - told of rows that name what cannot be an account; they are left out.
 */
export async function listAccountsToRewrap(
  reader: EntityReader,
  uses: readonly AccountKeyUse[],
  onTampered: (error: TamperedRowError) => void = () => {},
): Promise<readonly AccountId[]> {
  const found = new Set<AccountId>();
  const add = (table: string, accountIds: readonly string[]) => {
    for (const accountId of accountIds) {
      if (isId("Account", accountId)) found.add(accountId);
      else onTampered(new TamperedRowError(table, "a row names an account that cannot be"));
    }
  };
  add(accountKeyTable.name, await listAccountsInRotation(reader.db));
  for (const use of uses) add(use.table, await use.accountsWithoutVersion(reader));
  return [...found];
}

/**
 * Deletes a version of an account's key, inside the caller's transaction. Copies of the store from before have it
 * still, wrapped under the root key of their time.
 *
 * @param options.uses - every column that is wrapped under account keys.
 * @returns what was deleted.
 * @throws {@link AccountKeyError} `notFound`, `current`, or `inUse` while anything is wrapped under it or an older one.
 */
export async function destroyAccountKeyVersion(
  transaction: ControlTransaction,
  options: {
    readonly keys: DeploymentKeys;
    readonly uses: readonly AccountKeyUse[];
    readonly accountId: AccountId;
    readonly version: number;
  },
): Promise<AccountKeyVersion> {
  const { keys, uses, accountId, version } = options;
  const { guard, db } = transaction;
  const rows = await loadRows(transaction, accountId);
  const stored = rows.find(({ row }) => row.version === version);
  if (stored === undefined) throw notFound(accountId, version);
  if (stored === rows.at(-1)) {
    throw new AccountKeyError(
      "current",
      `Version ${version} of the key of the account ${accountId} is the current one.`,
    );
  }
  for (const use of uses) {
    if (!(await use.hasOlder(transaction, { accountId, version: version + 1 }))) continue;
    throw new AccountKeyError(
      "inUse",
      `Version ${version} of the key of the account ${accountId} wraps rows of ${use.table} still.`,
    );
  }
  await transaction.write(accountKeyTable.delete(guard, db, stored));
  transaction.touch(accountKeysKind(keys), accountId);
  const { row } = stored;
  return {
    accountId,
    version,
    createdAt: row.created_at ?? undefined,
    rewrappedAt: row.rewrapped_at ?? undefined,
    wrapped: row.wrapped,
  };
}

async function markRewrapped(
  transaction: ControlTransaction,
  { accountId, current }: { readonly accountId: AccountId; readonly current: number },
): Promise<void> {
  const { guard, db, now } = transaction;
  for (const stored of await loadRows(transaction, accountId)) {
    const { row } = stored;
    if (row.version === current || row.rewrapped_at !== null) continue;
    await transaction.write(accountKeyTable.update(guard, db, stored, { ...row, rewrapped_at: now }));
  }
}

async function loadAccountKeys(
  transaction: ControlTransaction,
  { keys, accountId }: { readonly keys: DeploymentKeys; readonly accountId: AccountId },
): Promise<AccountKeys> {
  const accountKeys = await transaction.find(accountKeysKind(keys), accountId);
  if (accountKeys === undefined) throw notFound(accountId);
  return accountKeys;
}

async function loadRows({ db, guard }: EntityReader, accountId: AccountId): Promise<Verified<AccountKeyRow>[]> {
  return (await selectAccountKeys(db, accountId)).map((raw) =>
    accountKeyTable.verify(guard, raw, { account_id: accountId }),
  );
}

function notFound(accountId: AccountId, version?: number): AccountKeyError {
  const which = version === undefined ? "" : ` of version ${version}`;
  return new AccountKeyError("notFound", `There is no account key${which} of the account ${accountId}.`);
}
