import type { KeyObject } from "node:crypto";
import { AuthenticationError } from "@cinnabar/crypto";
import type { Kysely } from "kysely";
import { type AccountId, parseId } from "../platform/ids.ts";
import type { EntityKind } from "../store/entity-cache.ts";
import { ProtectedTable, type RowChange, type RowOf } from "../store/protected-table.ts";
import { type RowGuard, TamperedRowError } from "../store/row-guard.ts";
import { createAccountKey, openAccountKey } from "./account-key.ts";
import type { RootKey } from "./root-key.ts";

const columns = { account_id: "text", version: "integer", wrapped: "bytes" } as const;

export const accountKeyTable = new ProtectedTable("account_key", { columns, identity: ["account_id", "version"] });

type AccountKeySchema = { account_key: RowOf<typeof columns> };

/** All versions of an account's key, open. New material is wrapped under the current one. */
export interface AccountKeys {
  readonly current: { readonly version: number; readonly key: KeyObject };
  readonly byVersion: ReadonlyMap<number, KeyObject>;
}

/** The account keys of this deployment as entities, opened under its root key. */
export function accountKeysKind(rootKey: RootKey): EntityKind<AccountKeys> {
  return {
    name: "account-key",
    capacity: 1000,
    async load({ db, guard }, id) {
      const accountId = parseId("Account", id);
      const rows = await db
        .$extendTables<AccountKeySchema>()
        .selectFrom("account_key")
        .selectAll()
        .where("account_id", "=", accountId)
        .orderBy("version")
        .execute();
      const byVersion = new Map<number, KeyObject>();
      let current: AccountKeys["current"] | undefined;
      for (const raw of rows) {
        const { version, wrapped } = accountKeyTable.verify(guard, raw).row;
        const key = openOrAlarm(() => openAccountKey({ rootKey, accountId, version, wrapped }));
        byVersion.set(version, key);
        current = { version, key };
      }
      return current === undefined ? undefined : { current, byVersion };
    },
  };
}

function openOrAlarm(open: () => KeyObject): KeyObject {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    throw new TamperedRowError(accountKeyTable.name, "an account key does not open");
  }
}

/** The first key of a new account. */
export function firstAccountKey(options: {
  rootKey: RootKey;
  accountId: AccountId;
  guard: RowGuard;
  db: Kysely<unknown>;
}): RowChange {
  const { rootKey, accountId, guard, db } = options;
  const version = 1;
  const { wrapped } = createAccountKey({ rootKey, accountId, version });
  return accountKeyTable.insert(guard, db, { account_id: accountId, version, wrapped });
}
