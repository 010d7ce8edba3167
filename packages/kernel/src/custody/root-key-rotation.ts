import { AuthenticationError } from "@cinnabar/crypto";

import { rewrapSigningKey } from "../audit/signing-key.ts";
import { isId, parseId } from "../platform/ids.ts";
import type { ControlTransaction } from "../store/control.ts";
import { deploymentTable, findDeployment } from "../store/deployment.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import { rewrapAccountKey } from "./account-key.ts";
import { AccountKeyError } from "./account-key-rotation.ts";
import type { AccountKeyUse } from "./account-key-use.ts";
import { accountKeyTable, selectAllAccountKeys } from "./account-keys.ts";
import type { DeploymentKeys } from "./deployment-keys.ts";
import { handOver } from "./node-key.ts";
import type { RootKey } from "./root-key.ts";
import { RootKeyRotatedError } from "./root-key-rotated-error.ts";

/** What came under the new root key. */
export interface RootKeyRotation {
  /** Versions of account keys. */
  readonly accountKeys: number;
  /** Processes that were told, those that ended without closing their log among them. */
  readonly nodes: number;
}

/**
 * Puts a store under another root key, inside the caller's transaction: the deployment's keys, the key that signs
 * checkpoints and all account keys are wrapped anew, and the processes that run are told. Nothing else hangs on the
 * root key itself. From the commit on the store opens under `to` alone. It takes some 0.3 ms for each version of an
 * account's key, during which no other control transaction runs, and on SQLite no call is answered.
 *
 * @param options.uses - every column that is wrapped under account keys.
 * @throws {@link RootKeyRotatedError} if the store is not under `from` any more. {@link AccountKeyError} `inUse` if rows
 * from before are under the root key still, which {@link rewrapStep} moves.
 * @throws TamperedRowError if something does not open.
 */
export async function rotateRootKey(
  transaction: ControlTransaction,
  options: {
    readonly keys: DeploymentKeys;
    readonly uses: readonly AccountKeyUse[];
    readonly from: RootKey;
    readonly to: RootKey;
  },
): Promise<RootKeyRotation> {
  const { keys, uses, from, to } = options;
  const { guard, db } = transaction;
  const stored = await findDeployment(transaction);
  const { origin, root_key_check: current, wrapped_signing_key: wrapped } = stored.row;
  if (current !== from.checkValue) throw new RootKeyRotatedError();
  for (const use of uses) {
    // A row that names no account's id was not written by Cinnabar, and nothing in it opens.
    const accountId = (await use.accountsWithoutVersion(transaction)).find((text) => isId("Account", text));
    if (accountId === undefined) continue;
    throw new AccountKeyError(
      "inUse",
      `Rows of ${use.table} of the account ${accountId} are under the root key itself.`,
    );
  }
  await transaction.write(
    deploymentTable.update(guard, db, stored, {
      ...stored.row,
      root_key_check: to.checkValue,
      wrapped_signing_key: orAlarm(deploymentTable.name, () => rewrapSigningKey({ origin, wrapped, from, to })),
      wrapped_keys: keys.wrap(to, { origin }),
    }),
  );
  const accountKeys = await rewrapAccountKeys(transaction, { from, to });
  const wrap = { rootKey: to.checkValue, key: to.derive("accountKeyWrap") };
  return { accountKeys, nodes: await handOver(transaction, { origin, wrap }) };
}

async function rewrapAccountKeys(
  transaction: ControlTransaction,
  { from, to }: { readonly from: RootKey; readonly to: RootKey },
): Promise<number> {
  const { guard, db } = transaction;
  const [wrappingKey, under] = [from.derive("accountKeyWrap"), to.derive("accountKeyWrap")];
  const rows = await selectAllAccountKeys(db);
  for (const raw of rows) {
    const stored = accountKeyTable.verify(guard, raw);
    const { row } = stored;
    const key = { wrappingKey, accountId: parseId("Account", row.account_id), version: row.version };
    const wrapped = orAlarm(accountKeyTable.name, () => rewrapAccountKey({ ...key, wrapped: row.wrapped }, { under }));
    await transaction.write(accountKeyTable.update(guard, db, stored, { ...row, wrapped }));
  }
  return rows.length;
}

function orAlarm<T>(table: string, rewrap: () => T): T {
  try {
    return rewrap();
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    throw new TamperedRowError(table, "what the root key wraps does not open");
  }
}
