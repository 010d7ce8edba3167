import {
  type AccountId,
  type EntityKind,
  type EntityReader,
  isId,
  parseId,
  ProtectedTable,
  type RequestContext,
  type ResourceShareId,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";

const shareColumns = {
  id: "text",
  /** Its owner. */
  account_id: "text",
  name: "text",
  /** 1 if accounts outside the resource directory may be its targets. */
  allows_external: "integer",
  created_at: "integer",
  updated_at: "integer",
} as const;

const associationColumns = {
  share_id: "text",
  /** `Resource` or `Target`. */
  type: "text",
  /** The id of an instance or of an account. */
  entity_id: "text",
  created_at: "integer",
} as const;

export const shareTable = new ProtectedTable("resource_share", { columns: shareColumns, identity: ["id"] });
export const associationTable = new ProtectedTable("resource_share_association", {
  columns: associationColumns,
  identity: ["share_id", "type", "entity_id"],
});

type ShareRow = RowOf<typeof shareColumns>;
type AssociationRow = RowOf<typeof associationColumns>;
type SharingSchema = { resource_share: ShareRow; resource_share_association: AssociationRow };

export type AssociationType = "Resource" | "Target";

/** That a resource or a target belongs to a share. */
export interface Association {
  readonly type: AssociationType;
  /** The id of an instance or of an account. */
  readonly entityId: string;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly stored: Verified<AssociationRow>;
}

/** Resources of an account, and the accounts that it shares them with. */
export interface Share {
  readonly id: ResourceShareId;
  /** Its owner. */
  readonly accountId: AccountId;
  readonly name: string;
  readonly allowsExternal: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The instances, in the order of their ids. */
  readonly resources: readonly Association[];
  /** The accounts, in the order of their ids. */
  readonly targets: readonly Association[];
  readonly stored: Verified<ShareRow>;
}

const CACHED_SHARES = 1_000;

export const shareKind: EntityKind<Share> = {
  name: "resource-share",
  capacity: CACHED_SHARES,
  async load({ db, guard }, id) {
    if (!isId("ResourceShare", id)) return undefined;
    const tables = db.$extendTables<SharingSchema>();
    const raw = await tables.selectFrom("resource_share").selectAll().where("id", "=", id).executeTakeFirst();
    if (raw === undefined) return undefined;
    const rows = await tables
      .selectFrom("resource_share_association")
      .selectAll()
      .where("share_id", "=", id)
      .orderBy("entity_id")
      .execute();
    const associations = rows.map((row) => toAssociation(associationTable.verify(guard, row, { share_id: id })));
    return toShare(shareTable.verify(guard, raw, { id }), associations);
  },
};

export function touchedShare(id: ResourceShareId): Touched {
  return { kind: shareKind, id };
}

/** The ids of an account's own shares, in their order. */
export async function listOwnShareIds({ db }: Pick<EntityReader, "db">, accountId: string): Promise<readonly string[]> {
  const rows = await db
    .$extendTables<SharingSchema>()
    .selectFrom("resource_share")
    .select("id")
    .where("account_id", "=", accountId)
    .orderBy("id")
    .execute();
  return rows.map(({ id }) => id);
}

/** The ids of the shares that an account is a target of, in their order. */
export async function listJoinedShareIds(
  { db }: Pick<EntityReader, "db">,
  accountId: string,
): Promise<readonly string[]> {
  const rows = await db
    .$extendTables<SharingSchema>()
    .selectFrom("resource_share_association")
    .select("share_id")
    .where("type", "=", "Target")
    .where("entity_id", "=", accountId)
    .orderBy("share_id")
    .execute();
  return rows.map(({ share_id: id }) => id);
}

/** The ids of the shares that an instance belongs to, in their order. */
export async function listHoldingShareIds(
  { db }: Pick<EntityReader, "db">,
  instanceId: string,
): Promise<readonly string[]> {
  const rows = await db
    .$extendTables<SharingSchema>()
    .selectFrom("resource_share_association")
    .select("share_id")
    .where("type", "=", "Resource")
    .where("entity_id", "=", instanceId)
    .orderBy("share_id")
    .execute();
  return rows.map(({ share_id: id }) => id);
}

export function insertShare(
  { guard, db, now }: RequestContext,
  share: Pick<Share, "id" | "accountId" | "name" | "allowsExternal">,
): RowChange {
  return shareTable.insert(guard, db, {
    id: share.id,
    account_id: share.accountId,
    name: share.name,
    allows_external: share.allowsExternal ? 1 : 0,
    created_at: now,
    updated_at: now,
  });
}

/** Changes a share; what is left out stays as it is. */
export function changeShareRow(
  { guard, db, now }: RequestContext,
  { stored, ...share }: Share,
  changed: Partial<Pick<Share, "name" | "allowsExternal">> = {},
): RowChange {
  const { name, allowsExternal } = { ...share, ...changed };
  const row = { ...stored.row, name, allows_external: allowsExternal ? 1 : 0, updated_at: now };
  return shareTable.update(guard, db, stored, row);
}

export function deleteShareRow({ guard, db }: EntityReader, { stored }: Share): RowChange {
  return shareTable.delete(guard, db, stored);
}

export function insertAssociation(
  { guard, db, now }: RequestContext,
  { shareId, type, entityId }: Pick<Association, "type" | "entityId"> & { readonly shareId: ResourceShareId },
): RowChange {
  return associationTable.insert(guard, db, { share_id: shareId, type, entity_id: entityId, created_at: now });
}

export function deleteAssociation({ guard, db }: EntityReader, { stored }: Association): RowChange {
  return associationTable.delete(guard, db, stored);
}

function toShare(stored: Verified<ShareRow>, associations: readonly Association[]): Share {
  const { row } = stored;
  return {
    id: parseId("ResourceShare", row.id),
    accountId: parseId("Account", row.account_id),
    name: row.name,
    allowsExternal: row.allows_external === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    resources: associations.filter(({ type }) => type === "Resource"),
    targets: associations.filter(({ type }) => type === "Target"),
    stored,
  };
}

function toAssociation(stored: Verified<AssociationRow>): Association {
  const { type, entity_id: entityId, created_at: createdAt } = stored.row;
  if (type !== "Resource" && type !== "Target") {
    throw new RangeError("resource_share_association: a row holds a value that this version does not know");
  }
  return { type, entityId, createdAt, stored };
}
