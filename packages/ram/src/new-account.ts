import { newAccountId, newAccountKey, type RowChange } from "@cinnabar/kernel";
import { accountTable } from "./account.ts";
import { insertAccessKey, newAccessKey, type NewAccessKey, type RowMaker } from "./access-key/new-access-key.ts";

/** An account that the store does not know yet, with an AccessKey of its root. */
export interface NewAccount extends NewAccessKey {
  /** Rows to be written in one transaction, which has to assert the root key as `newAccountKey` says. */
  readonly rows: readonly RowChange[];
}

/**
 * Makes an account: its row, its account key, and an AccessKey of its root.
 *
 * @param service - makes it the account of that service, whose AccessKey it then is.
 */
export function newAccount(maker: RowMaker, service?: string): NewAccount {
  const { keys, guard, db, now } = maker;
  const accountId = newAccountId();
  const accessKey = newAccessKey(keys, accountId);
  const version = 1;
  const { change, key } = newAccountKey({ keys, accountId, version, guard, db, now });
  return {
    ...accessKey,
    rows: [
      accountTable.insert(guard, db, {
        id: accountId,
        status: "Enabled",
        created_at: now,
        require_usage_review: null,
        separation_of_duties: null,
        service: service ?? null,
      }),
      change,
      insertAccessKey(maker, accessKey, { version, key }),
    ],
  };
}
