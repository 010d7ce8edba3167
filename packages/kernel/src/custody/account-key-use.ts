import { AuthenticationError, SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";
import { sql } from "kysely";

import type { AccountId } from "../platform/ids.ts";
import type { ControlTransaction } from "../store/control.ts";
import type { EntityKind, EntityReader } from "../store/entity-cache.ts";
import type { Columns, ProtectedTable, RowOf } from "../store/protected-table.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import type { AccountKeys } from "./account-keys.ts";
import type { DeploymentKeys } from "./deployment-keys.ts";

const ACCOUNT_COLUMN = "account_id";

/** What a row keeps under an account key. */
export interface WrappedValue {
  readonly wrapped: Uint8Array;
  /** Version of the account key; `null` in rows from before account keys wrapped them. */
  readonly version: number | null;
  /** What the value is bound to: the identity that it was wrapped with. */
  readonly identity: readonly string[];
}

/** A column whose values are wrapped under account keys, as whoever rotates these sees it. */
export interface AccountKeyUse {
  readonly table: string;
  readonly column: string;
  /**
   * Wraps up to `limit` rows of an account anew, under its current key, and touches their entities.
   *
   * @returns how many; fewer than `limit` if none is left.
   */
  rewrap(
    transaction: ControlTransaction,
    step: {
      readonly keys: DeploymentKeys;
      readonly accountKeys: AccountKeys;
      readonly accountId: AccountId;
      readonly limit: number;
    },
  ): Promise<number>;
  /** Whether anything of an account's is wrapped under a version older than this one, or under none. */
  hasOlder(reader: EntityReader, of: { readonly accountId: string; readonly version: number }): Promise<boolean>;
  /** Accounts with rows that no account key wraps, but the root key. */
  accountsWithoutVersion(reader: EntityReader): Promise<readonly string[]>;
}

/**
 * Declares a column of a protected table, beside the table, as wrapped under account keys. The table has a column
 * `account_id`, and an index that finds an account's rows of a version.
 *
 * @param declaration.withoutVersion - what wraps rows that name no version, where such rows may be.
 */
export function underAccountKey<C extends Columns>(declaration: {
  readonly table: ProtectedTable<C>;
  readonly column: keyof C & string;
  readonly versionColumn: keyof C & string;
  readonly withoutVersion?: "accessKeySecretWrap";
  read(row: RowOf<C>): WrappedValue;
  replace(row: RowOf<C>, value: { readonly wrapped: Uint8Array; readonly version: number }): RowOf<C>;
  /** What is made of the row, in memory. */
  touches(row: RowOf<C>, keys: DeploymentKeys): readonly { readonly kind: EntityKind<object>; readonly id: string }[];
}): AccountKeyUse {
  const { table, column, versionColumn, withoutVersion } = declaration;
  const older = ({ accountId, version }: { readonly accountId: string; readonly version: number }) => {
    const name = sql.ref(versionColumn);
    const isOlder =
      withoutVersion === undefined ? sql`${name} < ${version}` : sql`(${name} is null or ${name} < ${version})`;
    return sql`from ${sql.table(table.name)} where ${sql.ref(ACCOUNT_COLUMN)} = ${accountId} and ${isOlder}`;
  };
  return {
    table: table.name,
    column,

    async rewrap(transaction, { keys, accountKeys, accountId, limit }) {
      const { current, byVersion } = accountKeys;
      const { db, guard } = transaction;
      const selected = older({ accountId, version: current.version });
      const { rows } = await sql<object>`select * ${selected} limit ${limit}`.execute(db);
      for (const raw of rows) {
        const stored = table.verify(guard, raw);
        const { wrapped, version, identity } = declaration.read(stored.row);
        const from = version === null ? withoutVersion && keys[withoutVersion] : byVersion.get(version);
        if (from === undefined) throw new TamperedRowError(table.name, "the account key that wraps a row is missing");
        using material = new SecretBytes(
          openOrAlarm(table.name, () => unwrapKey({ wrappingKey: from, wrapped, identity })),
        );
        const rewrapped = wrapKey({ wrappingKey: current.key, material: material.bytes, identity });
        const row = declaration.replace(stored.row, { wrapped: rewrapped, version: current.version });
        await transaction.write(table.update(guard, db, stored, row));
        for (const { kind, id } of declaration.touches(row, keys)) transaction.touch(kind, id);
      }
      return rows.length;
    },

    async accountsWithoutVersion({ db }) {
      if (withoutVersion === undefined) return [];
      const account = sql.ref(ACCOUNT_COLUMN);
      const { rows } = await sql<{
        account_id: string;
      }>`select distinct ${account} from ${sql.table(table.name)} where ${sql.ref(versionColumn)} is null`.execute(db);
      return rows.map(({ account_id: accountId }) => accountId);
    },

    async hasOlder({ db }, of) {
      const { rows } = await sql`select 1 ${older(of)} limit 1`.execute(db);
      return rows.length > 0;
    },
  };
}

function openOrAlarm(table: string, open: () => Buffer): Buffer {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    throw new TamperedRowError(table, "what an account key wraps does not open");
  }
}
