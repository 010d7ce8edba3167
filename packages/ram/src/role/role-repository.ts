import {
  type EntityFinder,
  type EntityKind,
  type EntityReader,
  parseId,
  proceed,
  ProtectedTable,
  type RequestContext,
  type RoleId,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { compilePolicy, parsePolicy, PolicySet } from "@cinnabar/policy";
import { CompiledDocuments } from "../policy/compiled-documents.ts";
import { slices } from "../slices.ts";

const columns = {
  id: "text",
  account_id: "text",
  name: "text",
  description: "text",
  trust_policy: "text",
  max_session_seconds: "integer",
  created_at: "integer",
  updated_at: "integer",
} as const;

export const roleTable = new ProtectedTable("ram_role", { columns, identity: ["id"] });

type RoleRow = RowOf<typeof columns>;
type RoleSchema = { ram_role: RoleRow };

/** A role: what may be assumed by those that its trust policy admits. */
export interface Role {
  readonly roleId: RoleId;
  readonly roleName: string;
  readonly accountId: string;
  readonly description: string;
  /** Who may assume it, as it was sent. */
  readonly trustDocument: string;
  readonly trust: PolicySet;
  /** Longest session, in seconds. */
  readonly maxSessionSeconds: number;
  /** Counts the changes of the role: sessions begun before the last one have ended. */
  readonly revision: number;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly stored: Verified<RoleRow>;
}

/** What a caller says of a role. */
export type RoleContent = Pick<Role, "description" | "trustDocument" | "maxSessionSeconds">;

/** Most roles of one account (Alibaba Cloud RAM, "Limits"). */
export const MAX_ROLES = 1000;

const CACHED_ROLES = 5_000;
/** An entry is small. */
const CACHED_ROLE_NAMES = 20_000;

/** Roles by their ids. */
export const roleKind: EntityKind<Role> = {
  name: "ram-role",
  capacity: CACHED_ROLES,
  weigh: ({ trustDocument, trust }) => 2 * trustDocument.length + trust.bytes,
  async load(reader, id) {
    const raw = await selectRoles(reader).where("id", "=", id).executeTakeFirst();
    return raw && toRole(reader, raw, { id });
  },
};

/** Names a role. */
export interface RolePlace {
  readonly accountId: string;
  readonly name: string;
}

/** Ids of roles by their names. A role keeps its name as long as it lives. */
const roleNameKind: EntityKind<{ readonly roleId: string }> = {
  name: "ram-role-name",
  capacity: CACHED_ROLE_NAMES,
  async load(reader, id) {
    const slash = id.indexOf("/");
    const asked = { account_id: id.slice(0, slash), name: id.slice(slash + 1) };
    const raw = await selectRoles(reader)
      .where("account_id", "=", asked.account_id)
      .where("name", "=", asked.name)
      .executeTakeFirst();
    return raw && { roleId: roleTable.verify(reader.guard, raw, asked).row.id };
  },
};

/** Finds a role by its name, in memory if it is there. */
export function findRole(finder: EntityFinder, place: RolePlace): Role | undefined | Promise<Role | undefined> {
  return proceed(finder.find(roleNameKind, roleNameId(place)), (named) => named && finder.find(roleKind, named.roleId));
}

/** What a change of the role makes others forget. */
export function touchedRole(id: string): Touched {
  return { kind: roleKind, id };
}

/** What its making or its end makes others forget. */
export function touchedRoleName(place: RolePlace): Touched {
  return { kind: roleNameKind, id: roleNameId(place) };
}

function roleNameId({ accountId, name }: RolePlace): string {
  return `${accountId}/${name}`;
}

/**
 * Roles of an account in the order of their names.
 *
 * @param list.names - only these; all if left out.
 */
export async function listRoles(
  reader: EntityReader,
  list: {
    readonly accountId: string;
    readonly after: string;
    readonly limit: number;
    readonly names?: readonly string[] | undefined;
  },
): Promise<readonly Role[]> {
  const { accountId, after, limit, names } = list;
  if (names?.length === 0) return [];
  const all = selectRoles(reader).where("account_id", "=", accountId).where("name", ">", after);
  const rows = await (names === undefined ? all : all.where("name", "in", names))
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map((raw) => toRole(reader, raw, { account_id: accountId }));
}

/** Roles by their ids, in no order; those that are not there are left out. */
export async function findRoles(reader: EntityReader, ids: readonly string[]): Promise<readonly Role[]> {
  const found: Role[] = [];
  for (const slice of slices(ids)) {
    const rows = await selectRoles(reader).where("id", "in", slice).execute();
    for (const raw of rows) found.push(toRole(reader, raw));
  }
  return found;
}

export async function countRoles({ db }: EntityReader, accountId: string): Promise<number> {
  const { count } = await db
    .$extendTables<RoleSchema>()
    .selectFrom("ram_role")
    .select(({ fn }) => fn.countAll<number | bigint | string>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export function insertRole(
  { guard, db, now }: RequestContext,
  { roleId, place, content }: { readonly roleId: RoleId; readonly place: RolePlace; readonly content: RoleContent },
): RowChange {
  return roleTable.insert(guard, db, {
    id: roleId,
    account_id: place.accountId,
    name: place.name,
    ...toColumns(content),
    created_at: now,
    updated_at: now,
  });
}

/** Changes a role, and so ends its sessions. */
export function changeRole({ guard, db, now }: RequestContext, { stored }: Role, content: RoleContent): RowChange {
  return roleTable.update(guard, db, stored, { ...stored.row, ...toColumns(content), updated_at: now });
}

export function deleteRoleRow({ guard, db }: EntityReader, { stored }: Role): RowChange {
  return roleTable.delete(guard, db, stored);
}

function toColumns({ description, trustDocument, maxSessionSeconds }: RoleContent) {
  return { description, trust_policy: trustDocument, max_session_seconds: maxSessionSeconds };
}

function selectRoles({ db }: EntityReader) {
  return db.$extendTables<RoleSchema>().selectFrom("ram_role").selectAll();
}

/** What a trust policy of a role says. @throws PolicyError if it is none. */
export function compileTrust(document: string, roleName: string): PolicySet {
  return new PolicySet([compilePolicy(parsePolicy(document, "trust"), { type: "Trust", name: roleName })]);
}

const compiledTrusts = new CompiledDocuments<PolicySet>();

function toRole({ guard }: EntityReader, raw: object, asked?: Partial<RoleRow>): Role {
  const stored = roleTable.verify(guard, raw, asked);
  const { row, revision } = stored;
  return {
    roleId: parseId("Role", row.id),
    roleName: row.name,
    accountId: row.account_id,
    description: row.description,
    trustDocument: row.trust_policy,
    trust: compiledTrusts.compile(row.id, row.trust_policy, () => compileTrust(row.trust_policy, row.name)),
    maxSessionSeconds: row.max_session_seconds,
    revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    stored,
  };
}
