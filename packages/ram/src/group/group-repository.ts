import {
  type AccountId,
  ApiError,
  type EntityKind,
  type EntityReader,
  type GroupId,
  parseId,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { type Page, type Paged, toPaged } from "../paging.ts";

const columns = {
  id: "text",
  account_id: "text",
  name: "text",
  comments: "text?",
  created_at: "integer",
  updated_at: "integer",
} as const;

export const groupTable = new ProtectedTable("ram_group", { columns, identity: ["id"] });

type GroupRow = RowOf<typeof columns>;
type GroupSchema = { ram_group: GroupRow };

/** A group of an account. Who belongs to it, its users know. */
export interface Group {
  readonly groupId: GroupId;
  readonly accountId: AccountId;
  readonly groupName: string;
  readonly comments: string | undefined;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Its row, for whoever changes it. */
  readonly stored: Verified<GroupRow>;
}

/** Groups by their ids. */
const groupKind: EntityKind<Group> = {
  name: "ram-group",
  capacity: 10_000,
  async load(reader, id) {
    const raw = await selectGroups(reader).where("id", "=", id).executeTakeFirst();
    return raw && toGroup(reader, raw, { id });
  },
};

/** A group of the account by its name, `undefined` if there is none. */
export async function findGroupByName(
  reader: EntityReader,
  { accountId, groupName }: { readonly accountId: string; readonly groupName: string },
): Promise<Group | undefined> {
  const raw = await selectGroups(reader)
    .where("account_id", "=", accountId)
    .where("name", "=", groupName)
    .executeTakeFirst();
  return raw && toGroup(reader, raw, { account_id: accountId, name: groupName });
}

/**
 * A group of the caller's account, which the event then names.
 *
 * @throws ApiError `EntityNotExist.Group`
 */
export async function loadGroupByName(context: RequestContext, groupName: string): Promise<Group> {
  const group = await findGroupByName(context, { accountId: context.principal.accountId, groupName });
  if (group === undefined) throw new ApiError("EntityNotExist.Group");
  noteGroup(context, group);
  return group;
}

/** Says in the event which group the call is about, as of which revision. */
function noteGroup(context: RequestContext, { groupId, groupName, stored }: Group): void {
  context.about("ACS::RAM::Group", groupName);
  context.note({ groupId, groupRevision: stored.revision });
}

export function touchedGroup(groupId: string): Touched {
  return { kind: groupKind, id: groupId };
}

export function insertGroup(
  { guard, db, now }: RequestContext,
  group: Pick<Group, "groupId" | "groupName" | "comments"> & { readonly accountId: string },
): RowChange {
  const { groupId: id, accountId: account_id, groupName: name, comments } = group;
  return groupTable.insert(guard, db, {
    id,
    account_id,
    name,
    comments: comments ?? null,
    created_at: now,
    updated_at: now,
  });
}

/** Gives a group another name or other comments. */
export function changeGroup(
  { guard, db, now }: RequestContext,
  { stored }: Group,
  { groupName: name, comments }: Pick<Group, "groupName" | "comments">,
): RowChange {
  return groupTable.update(guard, db, stored, { ...stored.row, name, comments: comments ?? null, updated_at: now });
}

export function deleteGroupRow({ guard, db }: RequestContext, { stored }: Group): RowChange {
  return groupTable.delete(guard, db, stored);
}

/** How many groups an account has. */
export async function countGroups({ db }: EntityReader, accountId: string): Promise<number> {
  const { count } = await db
    .$extendTables<GroupSchema>()
    .selectFrom("ram_group")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return count;
}

/** A page of an account's groups, in the order of their names. */
export async function listGroupsOf(
  reader: EntityReader,
  { accountId, page }: { readonly accountId: string; readonly page: Page },
): Promise<Paged<Group>> {
  let selected = selectGroups(reader).where("account_id", "=", accountId);
  if (page.after !== undefined) selected = selected.where("name", ">", page.after);
  const rows = await selected
    .orderBy("name")
    .limit(page.size + 1)
    .execute();
  return toPaged(
    page,
    rows.map((raw) => toGroup(reader, raw, { account_id: accountId })),
    ({ groupName }) => groupName,
  );
}

/** Groups by their ids, in no order; those that are not there are left out. */
export async function findGroups(reader: EntityReader, ids: readonly string[]): Promise<readonly Group[]> {
  if (ids.length === 0) return [];
  const rows = await selectGroups(reader).where("id", "in", ids).execute();
  return rows.map((raw) => toGroup(reader, raw));
}

function selectGroups({ db }: EntityReader) {
  return db.$extendTables<GroupSchema>().selectFrom("ram_group").selectAll();
}

function toGroup({ guard }: EntityReader, raw: object, asked?: Partial<GroupRow>): Group {
  const stored = groupTable.verify(guard, raw, asked);
  const { row } = stored;
  return {
    groupId: parseId("Group", row.id),
    accountId: parseId("Account", row.account_id),
    groupName: row.name,
    comments: row.comments ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    stored,
  };
}
