import {
  type EntityReader,
  type GroupId,
  parseId,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  type UserId,
  type Verified,
} from "@cinnabar/kernel";
import { ROWS_AT_ONCE } from "../slices.ts";

const columns = { group_id: "text", user_id: "text", account_id: "text", joined_at: "integer" } as const;

export const membershipTable = new ProtectedTable("ram_group_member", { columns, identity: ["group_id", "user_id"] });

type MembershipRow = RowOf<typeof columns>;
type MembershipSchema = { ram_group_member: MembershipRow };

/** That a user belongs to a group. It is part of the user, as an entity. */
export interface Membership {
  readonly groupId: GroupId;
  readonly userId: UserId;
  /** Store time in milliseconds since 1970. */
  readonly joinedAt: number;
  readonly stored: Verified<MembershipRow>;
}

/** The memberships of one user, or of one group, in the order in which they began. */
export async function listMemberships(
  reader: EntityReader,
  of: { readonly userId: string } | { readonly groupId: string },
): Promise<readonly Membership[]> {
  const all = reader.db.$extendTables<MembershipSchema>().selectFrom("ram_group_member").selectAll();
  const selected = "userId" in of ? all.where("user_id", "=", of.userId) : all.where("group_id", "=", of.groupId);
  const asked = "userId" in of ? { user_id: of.userId } : { group_id: of.groupId };
  const rows = await selected.orderBy("joined_at").orderBy("group_id").orderBy("user_id").execute();
  return rows.map((raw) => {
    const stored = membershipTable.verify(reader.guard, raw, asked);
    const { group_id: groupId, user_id: userId, joined_at: joinedAt } = stored.row;
    return { groupId: parseId("Group", groupId), userId: parseId("User", userId), joinedAt, stored };
  });
}

/** The ids of a group's users, in the order of the ids. */
export async function listMemberIds(reader: EntityReader, groupId: string): Promise<readonly UserId[]> {
  const ids: UserId[] = [];
  for (;;) {
    const rows = await reader.db
      .$extendTables<MembershipSchema>()
      .selectFrom("ram_group_member")
      .selectAll()
      .where("group_id", "=", groupId)
      .where("user_id", ">", ids.at(-1) ?? "")
      .orderBy("user_id")
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const raw of rows) {
      const { row } = membershipTable.verify(reader.guard, raw, { group_id: groupId });
      ids.push(parseId("User", row.user_id));
    }
    if (rows.length < ROWS_AT_ONCE) return ids;
  }
}

/**
 * The groups of each of some users, by the users' ids; who belongs to none is left out.
 *
 * @param options.except - groups that are left out.
 */
export async function listGroupIdsOf(
  reader: EntityReader,
  userIds: readonly string[],
  { except }: { readonly except: readonly string[] },
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (userIds.length === 0) return new Map();
  const all = reader.db.$extendTables<MembershipSchema>().selectFrom("ram_group_member").selectAll();
  const ofUsers = all.where("user_id", "in", userIds);
  const selected = except.length === 0 ? ofUsers : ofUsers.where("group_id", "not in", except);
  const found = new Map<string, string[]>();
  for (const raw of await selected.execute()) {
    const { user_id: userId, group_id: groupId } = membershipTable.verify(reader.guard, raw).row;
    const known = found.get(userId);
    if (known === undefined) found.set(userId, [groupId]);
    else known.push(groupId);
  }
  return found;
}

export function insertMembership(
  { guard, db, now, principal }: RequestContext,
  { groupId, userId }: Pick<Membership, "groupId" | "userId">,
): RowChange {
  const { accountId } = principal;
  return membershipTable.insert(guard, db, {
    group_id: groupId,
    user_id: userId,
    account_id: accountId,
    joined_at: now,
  });
}

export function deleteMembership({ guard, db }: RequestContext, { stored }: Membership): RowChange {
  return membershipTable.delete(guard, db, stored);
}
