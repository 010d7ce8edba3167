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
  const rows = await selected.orderBy("joined_at").orderBy("group_id").orderBy("user_id").execute();
  return rows.map((raw) => {
    const stored = membershipTable.verify(reader.guard, raw);
    const { group_id: groupId, user_id: userId, joined_at: joinedAt } = stored.row;
    return { groupId: parseId("Group", groupId), userId: parseId("User", userId), joinedAt, stored };
  });
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
