import { firstAccountKey, newAccountId } from "@cinnabar/kernel";
import { accountTable } from "./account.ts";
import { newAccessKey, type NewAccessKey, type RowMaker } from "./new-access-key.ts";

/** Makes an account: its row, its account key, and an AccessKey of its root. */
export function newAccount(maker: RowMaker): NewAccessKey {
  const { rootKey, guard, db, now } = maker;
  const accountId = newAccountId();
  const accessKey = newAccessKey(maker, accountId);
  return {
    ...accessKey,
    rows: [
      accountTable.insert(guard, db, { id: accountId, status: "Enabled", created_at: now }),
      firstAccountKey({ rootKey, accountId, guard, db }),
      ...accessKey.rows,
    ],
  };
}
