import {
  type AccountId,
  type EntityReader,
  type KeyId,
  parseId,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  type Verified,
} from "@cinnabar/kernel";
import { sql } from "kysely";
import { type DeletionTimes, deletionTimes, holdBetween } from "../listing.ts";
import type { Tags } from "./tag.ts";
import type { TagPosition } from "./tag-position.ts";
import type { WantedTag } from "./tag-records.ts";

const columns = { key_id: "text", tag_key: "text", account_id: "text", tag_value: "text" } as const;

export const tagTable = new ProtectedTable("key_tag", { columns, identity: ["key_id", "tag_key"] });

type TagRow = RowOf<typeof columns>;
type TagSchema = { key_tag: TagRow };

/** The tags of one key by their keys, sorted by these. */
export type StoredTags = ReadonlyMap<string, Verified<TagRow>>;

interface TagOwner {
  readonly id: KeyId;
  readonly accountId: AccountId;
}

/** A tag and the key that has it. */
export interface KeyTag {
  readonly keyId: KeyId;
  readonly tagKey: string;
  readonly tagValue: string;
}

/** One for all keys without tags: a process keeps thousands of keys. */
const NO_STORED_TAGS: StoredTags = new Map();
const NO_TAGS: Tags = new Map();

export async function loadTags({ db, guard }: EntityReader, keyId: KeyId): Promise<StoredTags> {
  const rows = await db
    .$extendTables<TagSchema>()
    .selectFrom("key_tag")
    .selectAll()
    .where("key_id", "=", keyId)
    .orderBy("tag_key")
    .execute();
  if (rows.length === 0) return NO_STORED_TAGS;
  return new Map(
    rows.map((raw) => tagTable.verify(guard, raw, { key_id: keyId })).map((stored) => [stored.row.tag_key, stored]),
  );
}

/** The tags of some keys of an account by the keys' ids; of a key without tags there is nothing. */
export async function readTagsOf(
  { db, guard }: EntityReader,
  { accountId, keyIds }: { readonly accountId: string; readonly keyIds: readonly string[] },
): Promise<ReadonlyMap<string, Tags>> {
  const found = new Map<string, Map<string, string>>();
  if (keyIds.length === 0) return found;
  const rows = await db
    .$extendTables<TagSchema>()
    .selectFrom("key_tag")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("key_id", "in", keyIds)
    .execute();
  for (const raw of rows) {
    const { row } = tagTable.verify(guard, raw, { account_id: accountId });
    const tags = found.get(row.key_id) ?? new Map<string, string>();
    found.set(row.key_id, tags.set(row.tag_key, row.tag_value));
  }
  return found;
}

export function toTagValues(stored: StoredTags): Tags {
  if (stored.size === 0) return NO_TAGS;
  return new Map([...stored].map(([key, { row }]) => [key, row.tag_value]));
}

/** The rows of the tags of a new key. */
export function insertTags(context: RequestContext, owner: TagOwner, tags: Tags): readonly RowChange[] {
  return changeTags(context, { ...owner, tags: new Map() }, tags);
}

/** What gives the key these tags and no others. Nothing if it has just these. */
export function changeTags(
  { guard, db }: RequestContext,
  { id, accountId, tags: stored }: TagOwner & { readonly tags: StoredTags },
  tags: Tags,
): readonly RowChange[] {
  const changes: RowChange[] = [];
  for (const [key, old] of stored) if (!tags.has(key)) changes.push(tagTable.delete(guard, db, old));
  for (const [key, value] of tags) {
    const old = stored.get(key);
    const row = { key_id: id, tag_key: key, account_id: accountId, tag_value: value };
    if (old === undefined) changes.push(tagTable.insert(guard, db, row));
    else if (old.row.tag_value !== value) changes.push(tagTable.update(guard, db, old, row));
  }
  return changes;
}

/** Deletes all tags of a key. */
export function deleteTags({ guard, db }: EntityReader, tags: StoredTags): readonly RowChange[] {
  return [...tags.values()].map((stored) => tagTable.delete(guard, db, stored));
}

/**
 * Tags of keys, in the order of the keys' ids and the tags' keys. The answer holds between two deletions of the caller's own.
 *
 * @param list.keyIds - the keys to look at, as they were found for the call; `undefined` for all of the caller's own.
 * @param list.wanted - a key is looked at only if it has all of these, and then only these are listed; none for all.
 * @param list.after - where the page before ended.
 */
export async function readTags(
  context: RequestContext,
  list: {
    readonly keyIds: readonly KeyId[] | undefined;
    readonly wanted: readonly WantedTag[];
    readonly after: TagPosition | undefined;
    readonly limit: number;
  },
): Promise<readonly KeyTag[]> {
  const { accountId } = context.principal;
  const { keyIds, wanted, after } = list;
  const isWanted = sql.join(
    wanted.map(({ key, value }) =>
      value === undefined ? sql`tag_key = ${key}` : sql`(tag_key = ${key} and tag_value = ${value})`,
    ),
    sql` or `,
  );
  const ofKeys = keyIds === undefined ? sql`account_id = ${accountId}` : sql`key_id in (${sql.join(keyIds)})`;
  const conditions = [
    ofKeys,
    // Few keys wait to be cleared away: one look at them all is cheaper than one at the key of every tag.
    sql`key_id not in (select id from kms_key where account_id = ${accountId} and delete_at <= ${context.now})`,
  ];
  if (wanted.length > 0) {
    // A key has one tag of each key, and each is wanted once: as many as are wanted are all that are wanted.
    const having = sql`select key_id from key_tag where ${ofKeys} and (${isWanted})
      group by key_id having count(*) = ${wanted.length}`;
    conditions.push(sql`(${isWanted})`, sql`key_id in (${having})`);
  }
  if (after !== undefined) conditions.push(sql`(key_id, tag_key) > (${after.keyId}, ${after.tagKey})`);
  const { rows } = await sql<DeletionTimes & { readonly mac: Uint8Array | null }>`
    select head.*, listed.*
    from (select ${deletionTimes(context)}) as head
    left join (
      select * from key_tag where ${sql.join(conditions, sql` and `)} order by key_id, tag_key limit ${list.limit}
    ) as listed on 1 = 1
    order by listed.key_id, listed.tag_key
  `.execute(context.db);
  holdBetween(context, rows[0]);
  return rows
    .filter(({ mac }) => mac !== null)
    .map((raw) => {
      const { row } = tagTable.verify(context.guard, raw);
      return { keyId: parseId("Key", row.key_id), tagKey: row.tag_key, tagValue: row.tag_value };
    });
}
