import type { KeyObject } from "node:crypto";
import { AuthenticationError } from "@cinnabar/crypto";
import { type Kysely, sql } from "kysely";
import { type AccountId, parseId } from "../platform/ids.ts";
import { currentRootKey } from "../store/deployment.ts";
import type { EntityKind, EntityReader } from "../store/entity-cache.ts";
import { ProtectedTable, type RowChange, type RowOf } from "../store/protected-table.ts";
import { type RowGuard, TamperedRowError } from "../store/row-guard.ts";
import { createAccountKey, openAccountKey } from "./account-key.ts";
import type { AccountKeyWrap, DeploymentKeys } from "./deployment-keys.ts";
import { RootKeyRotatedError } from "./root-key-rotated-error.ts";

const columns = {
  account_id: "text",
  version: "integer",
  /** Under the root key. */
  wrapped: "bytes",
  created_at: "integer?",
  /** When it was found that nothing is wrapped under it any more. */
  rewrapped_at: "integer?",
} as const;

export const accountKeyTable = new ProtectedTable("account_key", { columns, identity: ["account_id", "version"] });

export type AccountKeyRow = RowOf<typeof columns>;
type AccountKeySchema = { account_key: AccountKeyRow };

/** All versions of an account's key, open. New material is wrapped under the current one. */
export interface AccountKeys {
  readonly current: { readonly version: number; readonly key: KeyObject };
  readonly byVersion: ReadonlyMap<number, KeyObject>;
}

/** The account keys of this deployment as entities, opened under its root key. */
export function accountKeysKind(keys: DeploymentKeys): EntityKind<AccountKeys> {
  return {
    name: "account-key",
    capacity: 1000,
    async load(reader, id) {
      const accountId = parseId("Account", id);
      for (;;) {
        // Before the rows: if they are of a newer root key, it shows.
        const wrap = keys.accountKeyWrap;
        const rows = await selectAccountKeys(reader.db, accountId);
        try {
          return openRows(rows, { guard: reader.guard, accountId, wrap });
        } catch (error) {
          if (!(error instanceof AuthenticationError)) throw error;
        }
        if (keys.accountKeyWrap !== wrap || (await keys.follow())) continue;
        if ((await currentRootKey(reader)) !== wrap.rootKey) throw new RootKeyRotatedError();
        throw new TamperedRowError(accountKeyTable.name, "an account key does not open");
      }
    },
  };
}

function openRows(
  rows: readonly object[],
  { guard, accountId, wrap }: { guard: RowGuard; accountId: AccountId; wrap: AccountKeyWrap },
): AccountKeys | undefined {
  const byVersion = new Map<number, KeyObject>();
  let current: AccountKeys["current"] | undefined;
  for (const raw of rows) {
    const { version, wrapped } = accountKeyTable.verify(guard, raw, { account_id: accountId }).row;
    const key = openAccountKey({ wrappingKey: wrap.key, accountId, version, wrapped });
    byVersion.set(version, key);
    current = { version, key };
  }
  return current === undefined ? undefined : { current, byVersion };
}

/** The rows of an account's key, the oldest version first, not verified yet. */
export function selectAccountKeys(db: Kysely<unknown>, accountId: AccountId): Promise<readonly object[]> {
  return db
    .$extendTables<AccountKeySchema>()
    .selectFrom("account_key")
    .selectAll()
    .where("account_id", "=", accountId)
    .orderBy("version")
    .execute();
}

/** Accounts that have an older version of their key of which it is not noted that nothing is wrapped under it. */
export async function listAccountsInRotation(db: Kysely<unknown>): Promise<readonly string[]> {
  const { rows } = await sql<{
    account_id: string;
  }>`select distinct account_id from account_key where rewrapped_at is null
    and version < (select max(version) from account_key as newer where newer.account_id = account_key.account_id)`.execute(
    db,
  );
  return rows.map(({ account_id: accountId }) => accountId);
}

/** The rows of all accounts' keys, not verified yet. */
export function selectAllAccountKeys(db: Kysely<unknown>): Promise<readonly object[]> {
  return db
    .$extendTables<AccountKeySchema>()
    .selectFrom("account_key")
    .selectAll()
    .orderBy("account_id")
    .orderBy("version")
    .execute();
}

/**
 * Makes sure that a row which was made with these keys may be written: that no other root key has come since.
 *
 * @param reader - of the transaction that writes it.
 * @throws {@link RootKeyRotatedError}
 */
export async function assertRootKey(reader: EntityReader, wrap: Pick<AccountKeyWrap, "rootKey">): Promise<void> {
  if ((await currentRootKey(reader)) !== wrap.rootKey) throw new RootKeyRotatedError();
}

/**
 * A version of an account's key, new.
 *
 * The transaction that writes it has to {@link assertRootKey}: nobody could open what is wrapped under an older one.
 */
export function newAccountKey(options: {
  readonly keys: DeploymentKeys;
  readonly accountId: AccountId;
  readonly version: number;
  readonly guard: RowGuard;
  readonly db: Kysely<unknown>;
  /** Store time in milliseconds since 1970. */
  readonly now: number;
}): { readonly change: RowChange; readonly key: KeyObject } {
  const { keys, accountId, version, guard, db, now } = options;
  const { wrapped, key } = createAccountKey({ wrappingKey: keys.accountKeyWrap.key, accountId, version });
  const row = { account_id: accountId, version, wrapped, created_at: now, rewrapped_at: null };
  return { change: accountKeyTable.insert(guard, db, row), key };
}
