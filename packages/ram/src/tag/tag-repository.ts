import { type EntityReader, ProtectedTable, type RowChange, type RowOf, type Verified } from "@cinnabar/kernel";
import { sql } from "kysely";
import type { TaggedKind, TagOwner, Tags, WantedTag } from "./tag.ts";

const columns = {
  account_id: "text",
  resource_type: "text",
  resource_name: "text",
  tag_key: "text",
  tag_value: "text",
} as const;

export const ramTagTable = new ProtectedTable("ram_tag", {
  columns,
  identity: ["account_id", "resource_type", "resource_name", "tag_key"],
});

type TagRow = RowOf<typeof columns>;
type TagSchema = { ram_tag: TagRow };

/** The tags of one role or policy by their keys. */
type StoredTags = ReadonlyMap<string, Verified<TagRow>>;

/** A tag and what has it. */
export interface OwnedTag {
  readonly name: string;
  readonly key: string;
  readonly value: string;
}

export async function loadTags(reader: EntityReader, owner: TagOwner): Promise<StoredTags> {
  const rows = await select(reader, owner).where("resource_name", "=", owner.name).orderBy("tag_key").execute();
  const asked = { account_id: owner.accountId, resource_type: owner.type, resource_name: owner.name };
  return new Map(
    rows.map((raw) => ramTagTable.verify(reader.guard, raw, asked)).map((stored) => [stored.row.tag_key, stored]),
  );
}

export function toTags(stored: StoredTags): Tags {
  return new Map([...stored].map(([key, { row }]) => [key, row.tag_value]));
}

/** The rows of the tags of something new. */
export function insertTags(reader: EntityReader, owner: TagOwner, tags: Tags): readonly RowChange[] {
  return changeTags(reader, { owner, from: new Map(), to: tags });
}

/** What gives the owner these tags and no others. */
export function changeTags(
  { guard, db }: EntityReader,
  { owner, from, to }: { readonly owner: TagOwner; readonly from: StoredTags; readonly to: Tags },
): readonly RowChange[] {
  const changes: RowChange[] = [];
  for (const [key, old] of from) if (!to.has(key)) changes.push(ramTagTable.delete(guard, db, old));
  for (const [key, value] of to) {
    const old = from.get(key);
    const row: TagRow = {
      account_id: owner.accountId,
      resource_type: owner.type,
      resource_name: owner.name,
      tag_key: key,
      tag_value: value,
    };
    if (old === undefined) changes.push(ramTagTable.insert(guard, db, row));
    else if (old.row.tag_value !== value) changes.push(ramTagTable.update(guard, db, old, row));
  }
  return changes;
}

/** Deletes all tags of what is being deleted. */
export async function deleteTags(reader: EntityReader, owner: TagOwner): Promise<readonly RowChange[]> {
  return changeTags(reader, { owner, from: await loadTags(reader, owner), to: new Map() });
}

/** The tags of several roles or policies by their names; who has none is left out. */
export async function tagsByName(
  reader: EntityReader,
  kind: TaggedKind,
  names: readonly string[],
): Promise<ReadonlyMap<string, Tags>> {
  if (names.length === 0) return new Map();
  const rows = await select(reader, kind).where("resource_name", "in", names).orderBy("tag_key").execute();
  const tags = new Map<string, Map<string, string>>();
  for (const raw of rows) {
    const { row } = ramTagTable.verify(reader.guard, raw);
    const own = tags.get(row.resource_name) ?? new Map<string, string>();
    tags.set(row.resource_name, own.set(row.tag_key, row.tag_value));
  }
  return tags;
}

/** The names of those that have all of the tags. */
export async function listTagged(
  { db }: EntityReader,
  { accountId, type }: TaggedKind,
  wanted: readonly WantedTag[],
): Promise<readonly string[]> {
  const { rows } = await sql<{ resource_name: string }>`${havingAll({ accountId, type }, wanted)}`.execute(db);
  return rows.map(({ resource_name: name }) => name);
}

/**
 * Tags of an account's roles or policies, in the order of names and keys.
 *
 * @param list.names - whose; all if left out.
 * @param list.wanted - only of those that have all of these; all if left out.
 * @param list.after - where the page before ended.
 */
export async function readTags(
  { db, guard }: EntityReader,
  { accountId, type }: TaggedKind,
  list: {
    readonly names: readonly string[] | undefined;
    readonly wanted: readonly WantedTag[] | undefined;
    readonly after: Pick<OwnedTag, "name" | "key"> | undefined;
    readonly limit: number;
  },
): Promise<readonly OwnedTag[]> {
  const { names, wanted, after, limit } = list;
  const conditions = [sql`account_id = ${accountId}`, sql`resource_type = ${type}`];
  if (names !== undefined) conditions.push(sql`resource_name in (${sql.join(names)})`);
  if (wanted !== undefined) conditions.push(sql`resource_name in (${havingAll({ accountId, type }, wanted)})`);
  if (after !== undefined) conditions.push(sql`(resource_name, tag_key) > (${after.name}, ${after.key})`);
  const { rows } = await sql<object>`
    select * from ram_tag where ${sql.join(conditions, sql` and `)} order by resource_name, tag_key limit ${limit}
  `.execute(db);
  return rows.map((raw) => {
    const { row } = ramTagTable.verify(guard, raw);
    return { name: row.resource_name, key: row.tag_key, value: row.tag_value };
  });
}

/** Each has one tag of a key, and each is wanted once: as many as are wanted are all that are wanted. */
function havingAll({ accountId, type }: TaggedKind, wanted: readonly WantedTag[]) {
  const isWanted = sql.join(
    wanted.map(({ key, value }) =>
      value === undefined ? sql`tag_key = ${key}` : sql`(tag_key = ${key} and tag_value = ${value})`,
    ),
    sql` or `,
  );
  return sql`select resource_name from ram_tag where account_id = ${accountId} and resource_type = ${type}
    and (${isWanted}) group by resource_name having count(*) = ${wanted.length}`;
}

function select({ db }: EntityReader, { accountId, type }: TaggedKind) {
  return db
    .$extendTables<TagSchema>()
    .selectFrom("ram_tag")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("resource_type", "=", type);
}
