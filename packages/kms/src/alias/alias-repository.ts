import {
  type EntityKind,
  type EntityReader,
  type KeyId,
  parseId,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { type RawBuilder, sql } from "kysely";
import { keysOf, readPage } from "../listing.ts";
import type { Page } from "../parameters/page.ts";
import { type Alias, isAliasName } from "./alias.ts";

const columns = { account_id: "text", name: "text", key_id: "text", created_at: "integer" } as const;

export const aliasTable = new ProtectedTable("alias", { columns, identity: ["account_id", "name"] });

type AliasRow = RowOf<typeof columns>;
type AliasSchema = { alias: AliasRow };

export interface StoredAlias extends Alias {
  readonly stored: Verified<AliasRow>;
}

const CACHED_ALIASES = 10_000;

/** Aliases by {@link aliasEntityId}. An alias outlives its key in the store: whoever looks decides by the key. */
const aliasKind: EntityKind<StoredAlias> = {
  name: "alias",
  capacity: CACHED_ALIASES,
  async load({ db, guard }, id) {
    const slash = id.indexOf("/");
    const accountId = id.slice(0, slash);
    const name = id.slice(slash + 1);
    if (!isAliasName(name)) return undefined;
    const raw = await db
      .$extendTables<AliasSchema>()
      .selectFrom("alias")
      .selectAll()
      .where("account_id", "=", accountId)
      .where("name", "=", name)
      .executeTakeFirst();
    return raw && toStoredAlias(aliasTable.verify(guard, raw, { account_id: accountId, name }));
  },
};

type AliasPlace = Pick<Alias, "name"> & { readonly accountId: string };

export function findAlias(
  context: RequestContext,
  alias: AliasPlace,
): StoredAlias | undefined | Promise<StoredAlias | undefined> {
  return context.find(aliasKind, aliasEntityId(alias));
}

export function touchedAlias(alias: AliasPlace): Touched {
  return { kind: aliasKind, id: aliasEntityId(alias) };
}

/** Makes an alias. `replaced` is the one of that name that still stands there, though its key is gone. */
export function putAlias(
  { guard, db, now }: RequestContext,
  { alias, replaced }: { readonly alias: Alias; readonly replaced: StoredAlias | undefined },
): RowChange {
  const row = { account_id: alias.accountId, name: alias.name, key_id: alias.keyId, created_at: now };
  return replaced === undefined
    ? aliasTable.insert(guard, db, row)
    : aliasTable.update(guard, db, replaced.stored, row);
}

/** The alias keeps its age, and so its place in lists. */
export function changeAliasKey({ guard, db }: RequestContext, { stored }: StoredAlias, keyId: KeyId): RowChange {
  return aliasTable.update(guard, db, stored, { ...stored.row, key_id: keyId });
}

export function deleteAliasRow({ guard, db }: EntityReader, { stored }: StoredAlias): RowChange {
  return aliasTable.delete(guard, db, stored);
}

interface ListedAliases {
  readonly aliases: readonly Alias[];
  /** How many there are on all pages. */
  readonly total: number;
}

/** A page of the caller's own aliases, the oldest first. */
export function listAccountAliases(context: RequestContext, page: Page): Promise<ListedAliases> {
  const { accountId } = context.principal;
  const owned = keysOf(accountId);
  // Few keys wait to be cleared away: one look at them all is cheaper than one at the key of every alias.
  const gone = sql`select id from kms_key where ${owned} and delete_at <= ${context.now}`;
  const entries = sql`from alias where account_id = ${accountId} and key_id not in (${gone})`;
  return readAliases(context, { entries, page, owned });
}

/** A page of the caller's own aliases of a key, the oldest first. */
export function listKeyAliases(
  context: RequestContext,
  { keyId, page }: { readonly keyId: KeyId; readonly page: Page },
): Promise<ListedAliases> {
  const { accountId } = context.principal;
  return readAliases(context, { entries: sql`from alias where account_id = ${accountId} and key_id = ${keyId}`, page });
}

/** Aliases of a key, whoever asks: at most `limit`, by name. */
export async function loadKeyAliases(
  { db, guard }: EntityReader,
  { keyId, limit }: { readonly keyId: KeyId; readonly limit: number },
): Promise<readonly StoredAlias[]> {
  const rows = await db
    .$extendTables<AliasSchema>()
    .selectFrom("alias")
    .selectAll()
    .where("key_id", "=", keyId)
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map((raw) => toStoredAlias(aliasTable.verify(guard, raw, { key_id: keyId })));
}

async function readAliases(
  context: RequestContext,
  list: { readonly entries: RawBuilder<unknown>; readonly page: Page; readonly owned?: RawBuilder<unknown> },
): Promise<ListedAliases> {
  const { rows, total } = await readPage(context, { ...list, thenBy: "name" });
  return { aliases: rows.map((raw) => toStoredAlias(aliasTable.verify(context.guard, raw))), total };
}

function aliasEntityId({ accountId, name }: AliasPlace): string {
  return `${accountId}/${name}`;
}

function toStoredAlias(stored: Verified<AliasRow>): StoredAlias {
  const { row } = stored;
  return { accountId: parseId("Account", row.account_id), name: row.name, keyId: parseId("Key", row.key_id), stored };
}
