import { parseId, type RequestContext } from "@cinnabar/kernel";
import { type RawBuilder, sql } from "kysely";
import { type DeletionTimes, deletionTimes, holdBetween, keysOf, readPage } from "../listing.ts";
import type { Page } from "../parameters/page.ts";
import type { FilteredField, KeyFilters } from "./key-filters.ts";
import { type KeyRow, keyTable } from "./key-row.ts";
import type { Key } from "./key.ts";

/**
 * A page of those of the caller's own keys that pass every filter, the oldest first, and their number; where instances are
 * asked for, with what others made in its own ones.
 *
 * @param list.restricted - of the keys that the account's root may be denied, those to list; all if left out.
 */
export async function listKeys(
  context: RequestContext,
  {
    page,
    filters,
    restricted,
  }: { readonly page: Page; readonly filters: KeyFilters; readonly restricted?: readonly string[] },
): Promise<{ readonly keys: readonly Pick<Key, "id" | "accountId">[]; readonly total: number }> {
  const { accountId } = context.principal;
  const owned = listedKeys(accountId, filters);
  const conditions = [
    owned,
    sql`(delete_at is null or delete_at > ${context.now})`,
    ...filterConditions(context, filters),
    ...(restricted === undefined ? [] : [sql`(not ${IS_RESTRICTED} or id in (${sql.join(["", ...restricted])}))`]),
  ];
  const entries = sql`from kms_key where ${sql.join(conditions, sql` and `)}`;
  const { rows, total } = await readPage(context, { page, entries, thenBy: "id", owned });
  const keys = rows.map((raw) => {
    const { row } = keyTable.verify(context.guard, raw);
    return { id: parseId("Key", row.id), accountId: parseId("Account", row.account_id) };
  });
  return { keys, total };
}

/** Keys that the root of their account may be denied: with a policy, of their own or a service's, or in an instance. */
const IS_RESTRICTED = sql`(policy is not null or creator <> account_id or instance_id is not null)`;

/**
 * Ids of the caller's own keys that pass every filter, the oldest first. The rows have not been authenticated.
 *
 * @param list.areRestricted - whether to leave out what the account's root may do everything to.
 */
export async function listKeyIds(
  context: RequestContext,
  {
    filters,
    areRestricted,
    limit,
  }: { readonly filters: KeyFilters; readonly areRestricted: boolean; readonly limit: number },
): Promise<readonly string[]> {
  const conditions = [
    ...(areRestricted ? [IS_RESTRICTED] : []),
    sql`account_id = ${context.principal.accountId}`,
    sql`(delete_at is null or delete_at > ${context.now})`,
    ...filterConditions(context, filters),
  ];
  const { rows } = await sql<DeletionTimes & { readonly id: string | null }>`
    select head.*, listed.id
    from (select ${deletionTimes(context)}) as head
    left join (
      select id, created_at from kms_key where ${sql.join(conditions, sql` and `)} order by created_at, id limit ${limit}
    ) as listed on 1 = 1
    order by listed.created_at, listed.id
  `.execute(context.db);
  holdBetween(context, rows[0]);
  return rows.flatMap(({ id }) => (id === null ? [] : [id]));
}

/** The account's own keys, and those that others made in its instances, where it asks for these. */
function listedKeys(accountId: string, filters: KeyFilters): RawBuilder<unknown> {
  return filters.has("DKMSInstanceId") ? keysOf(accountId) : sql`account_id = ${accountId}`;
}

const FILTERED_COLUMNS = {
  KeySpec: "spec",
  KeyUsage: "usage",
  ProtectionLevel: "protection_level",
  keyId: "id",
  Creator: "creator",
} as const satisfies Partial<Record<FilteredField, keyof KeyRow>>;

function* filterConditions(
  { principal: { accountId }, now }: Pick<RequestContext, "principal" | "now">,
  filters: KeyFilters,
): Generator<RawBuilder<unknown>> {
  for (const [field, column] of Object.entries(FILTERED_COLUMNS)) {
    const values = filters.get(field);
    if (values !== undefined) yield sql`${sql.ref(column)} in (${sql.join(values)})`;
  }
  const states = filters.get("KeyState");
  if (states !== undefined) {
    // Expired material is gone, also where it is still stored.
    const hasExpired = sql`exists (
      select 1 from key_version where key_version.id = kms_key.primary_version and material_expires_at <= ${now}
    )`;
    const state = sql`case when state in ('Enabled', 'Disabled') and ${hasExpired} then 'PendingImport' else state end`;
    yield sql`${state} in (${sql.join(states)})`;
  }
  const instances = filters.get("DKMSInstanceId");
  if (instances !== undefined) {
    const ofNone = instances.includes("") ? sql`instance_id is null or ` : sql``;
    yield sql`(${ofNone}instance_id in (${sql.join(instances)}))`;
  }
  const creators = filters.get("CreatorType");
  if (creators !== undefined) {
    const types = [
      ...(creators.includes("User") ? [sql`creator = account_id`] : []),
      ...(creators.includes("Service") ? [sql`creator <> account_id`] : []),
    ];
    yield types.length === 0 ? sql`1 = 0` : sql`(${sql.join(types, sql` or `)})`;
  }
  const names = filters.get("AliasName");
  if (names !== undefined) {
    yield sql`id in (select key_id from alias where account_id = ${accountId} and name in (${sql.join(names)}))`;
  }
  const [tagKeys, tagValues] = [filters.get("TagKey"), filters.get("TagValue")];
  if (tagKeys !== undefined || tagValues !== undefined) {
    // One tag has to pass both.
    const tags = [sql`account_id = ${accountId}`];
    if (tagKeys !== undefined) tags.push(sql`tag_key in (${sql.join(tagKeys)})`);
    if (tagValues !== undefined) tags.push(sql`tag_value in (${sql.join(tagValues)})`);
    yield sql`id in (select key_id from key_tag where ${sql.join(tags, sql` and `)})`;
  }
}
