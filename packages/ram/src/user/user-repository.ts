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
  type UserId,
  type Verified,
} from "@cinnabar/kernel";
import { listMemberships } from "../group/membership-repository.ts";
import { type Page, type Paged, toPaged } from "../paging.ts";
import { slices } from "../slices.ts";

const columns = {
  id: "text",
  account_id: "text",
  name: "text",
  display_name: "text?",
  mobile_phone: "text?",
  email: "text?",
  comments: "text?",
  created_at: "integer",
  updated_at: "integer",
} as const;

export const userTable = new ProtectedTable("ram_user", { columns, identity: ["id"] });

type UserRow = RowOf<typeof columns>;
type UserSchema = { ram_user: UserRow };

/** What a user's administrator says about it; each is `undefined` where nothing was said. */
export interface UserDetails {
  readonly displayName: string | undefined;
  readonly mobilePhone: string | undefined;
  readonly email: string | undefined;
  readonly comments: string | undefined;
}

/** A user without its groups. */
export interface UserEntry extends UserDetails {
  readonly userId: UserId;
  readonly accountId: AccountId;
  readonly userName: string;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Its row, for whoever changes it. */
  readonly stored: Verified<UserRow>;
}

/** A user of an account, with the groups that it belongs to. */
export interface User extends UserEntry {
  readonly groupIds: readonly GroupId[];
}

/** Users by their ids. What changes a user's name or groups touches it. */
export const userKind: EntityKind<User> = {
  name: "ram-user",
  capacity: 20_000,
  async load(reader, id) {
    const raw = await selectUsers(reader).where("id", "=", id).executeTakeFirst();
    if (raw === undefined) return undefined;
    const entry = toEntry(reader, raw, { id });
    const memberships = await listMemberships(reader, { userId: entry.userId });
    return { ...entry, groupIds: memberships.map(({ groupId }) => groupId) };
  },
};

/** A user of the account by its name, `undefined` if there is none. */
export async function findUserByName(
  context: RequestContext,
  { accountId, userName }: { readonly accountId: string; readonly userName: string },
): Promise<User | undefined> {
  const named = await context.db
    .$extendTables<UserSchema>()
    .selectFrom("ram_user")
    .select("id")
    .where("account_id", "=", accountId)
    .where("name", "=", userName)
    .executeTakeFirst();
  const user = named && (await context.find(userKind, named.id));
  // The name is compared where its row is authenticated.
  return user?.accountId === accountId && user.userName === userName ? user : undefined;
}

/**
 * A user of the caller's account, which the event then names.
 *
 * @throws ApiError `EntityNotExist.User`
 */
export async function loadUserByName(context: RequestContext, userName: string): Promise<User> {
  const user = await findUserByName(context, { accountId: context.principal.accountId, userName });
  if (user === undefined) throw new ApiError("EntityNotExist.User");
  noteUser(context, user);
  return user;
}

/** Says in the event which user the call is about, as of which revision. */
function noteUser(context: RequestContext, { userId, userName, stored }: UserEntry): void {
  context.about("ACS::RAM::User", userName);
  context.note({ userId, userRevision: stored.revision });
}

export function touchedUser(userId: string): Touched {
  return { kind: userKind, id: userId };
}

/** A user that is new, whose groups are none. */
export function insertUser(
  { guard, db, now }: RequestContext,
  user: UserDetails & { readonly userId: UserId; readonly accountId: string; readonly userName: string },
): RowChange {
  const { userId: id, accountId: account_id, userName: name } = user;
  return userTable.insert(guard, db, { id, account_id, name, ...toColumns(user), created_at: now, updated_at: now });
}

/** Gives a user another name, or other details. */
export function changeUser(
  { guard, db, now }: RequestContext,
  { stored }: UserEntry,
  to: UserDetails & { readonly userName: string },
): RowChange {
  return userTable.update(guard, db, stored, {
    ...stored.row,
    name: to.userName,
    ...toColumns(to),
    updated_at: now,
  });
}

export function deleteUserRow({ guard, db }: RequestContext, { stored }: UserEntry): RowChange {
  return userTable.delete(guard, db, stored);
}

/** How many users an account has. */
export async function countUsers({ db }: EntityReader, accountId: string): Promise<number> {
  const { count } = await db
    .$extendTables<UserSchema>()
    .selectFrom("ram_user")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return count;
}

/** A page of an account's users, in the order of their names. */
export async function listUsersOf(
  reader: EntityReader,
  { accountId, page }: { readonly accountId: string; readonly page: Page },
): Promise<Paged<UserEntry>> {
  let selected = selectUsers(reader).where("account_id", "=", accountId);
  if (page.after !== undefined) selected = selected.where("name", ">", page.after);
  const rows = await selected
    .orderBy("name")
    .limit(page.size + 1)
    .execute();
  return toPaged(
    page,
    rows.map((raw) => toEntry(reader, raw, { account_id: accountId })),
    ({ userName }) => userName,
  );
}

/** Users by their ids, in no order; those that are not there are left out. */
export async function findUsers(reader: EntityReader, ids: readonly string[]): Promise<readonly UserEntry[]> {
  const found: UserEntry[] = [];
  for (const slice of slices(ids)) {
    const rows = await selectUsers(reader).where("id", "in", slice).execute();
    for (const raw of rows) found.push(toEntry(reader, raw));
  }
  return found;
}

/** Users of an account by their names, in no order; those that are not there are left out. */
export async function findUsersNamed(
  reader: EntityReader,
  { accountId, names }: { readonly accountId: string; readonly names: readonly string[] },
): Promise<readonly UserEntry[]> {
  if (names.length === 0) return [];
  const rows = await selectUsers(reader).where("account_id", "=", accountId).where("name", "in", names).execute();
  return rows.map((raw) => toEntry(reader, raw, { account_id: accountId }));
}

function selectUsers({ db }: EntityReader) {
  return db.$extendTables<UserSchema>().selectFrom("ram_user").selectAll();
}

function toColumns({ displayName, mobilePhone, email, comments }: UserDetails) {
  return {
    display_name: displayName ?? null,
    mobile_phone: mobilePhone ?? null,
    email: email ?? null,
    comments: comments ?? null,
  };
}

function toEntry({ guard }: EntityReader, raw: object, asked?: Partial<UserRow>): UserEntry {
  const stored = userTable.verify(guard, raw, asked);
  const { row } = stored;
  return {
    userId: parseId("User", row.id),
    accountId: parseId("Account", row.account_id),
    userName: row.name,
    displayName: row.display_name ?? undefined,
    mobilePhone: row.mobile_phone ?? undefined,
    email: row.email ?? undefined,
    comments: row.comments ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    stored,
  };
}
