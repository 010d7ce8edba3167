import {
  type AccessKeyId,
  type AccountId,
  accountKeysKind,
  type ControlStore,
  type ControlTransaction,
  type DeploymentKeys,
  type RowChange,
  TamperedRowError,
} from "@cinnabar/kernel";
import { insertAccessKey, type NewAccessKey } from "./new-access-key.ts";

/** Keeps a new AccessKey before the store knows it, so that no crash loses its secret. The secret is cleared afterwards. */
export type KeepAccessKey = (accessKey: NewAccessKey) => Promise<void>;

/** An AccessKey that was made, and the account that it was made for. */
export interface MadeAccessKey {
  readonly accountId: AccountId;
  readonly accessKeyId: AccessKeyId;
}

/** Has a new AccessKey kept and then writes it, with all that comes with it, by one control transaction. Clears its secret. */
export async function keepAndWrite(
  store: ControlStore,
  { accountId, accessKeyId, secret }: NewAccessKey,
  options: {
    readonly keep: KeepAccessKey;
    readonly insert: (transaction: ControlTransaction) => Promise<readonly RowChange[]>;
    /** The transaction's event. */
    readonly describe: (transaction: ControlTransaction, made: MadeAccessKey) => string;
  },
): Promise<MadeAccessKey> {
  const { keep, insert, describe } = options;
  try {
    await keep({ accountId, accessKeyId, secret });
    // Nobody can have cached what was not there: nothing is touched.
    return await store.run(async (transaction) => {
      for (const row of await insert(transaction)) await transaction.write(row);
      const result = { accessKeyId, accountId };
      return { event: describe(transaction, result), result };
    });
  } finally {
    secret.fill(0);
  }
}

/** The row of a further AccessKey. Under the epoch's lock: a rotation of the account's key may have come before. */
export async function insertFurtherAccessKey(
  transaction: ControlTransaction,
  keys: DeploymentKeys,
  accessKey: NewAccessKey,
): Promise<RowChange> {
  const accountKeys = await transaction.find(accountKeysKind(keys), accessKey.accountId);
  if (accountKeys === undefined) throw new TamperedRowError("account_key", "an account has no key");
  return insertAccessKey(transaction, accessKey, accountKeys.current);
}
