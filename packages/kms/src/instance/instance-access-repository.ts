import {
  type EntityReader,
  type InstanceId,
  ProtectedTable,
  type RowChange,
  type RowOf,
  type Verified,
} from "@cinnabar/kernel";

const columns = {
  instance_id: "text",
  /** An account that is not the instance's owner. */
  account_id: "text",
  /** What lets the account in: `share`, or `policy`, a key's. */
  source: "text",
  /** The share's or the key's id. */
  source_id: "text",
  /** When that ended; null while it holds. */
  ended_at: "integer?",
} as const;

export const instanceAccessTable = new ProtectedTable("kms_instance_access", {
  columns,
  identity: ["instance_id", "account_id", "source", "source_id"],
});

type AccessRow = RowOf<typeof columns>;
type AccessSchema = { kms_instance_access: AccessRow };

/** For how long an account still counts in an instance's quota once nothing lets it in any more (Alibaba Cloud KMS, "Access Management Quota"). */
export const FREED_AFTER_MILLIS = 5 * 60 * 1000;

/** What lets an account into an instance that is not its own. */
export interface AccessSource {
  readonly type: "share" | "policy";
  /** Of the share, or of the key whose policy it is. */
  readonly id: string;
}

/** That an account is let in by something, or was until a while ago. */
export interface StoredAccess {
  readonly accountId: string;
  readonly source: AccessSource;
  readonly endedAt: number | undefined;
  readonly stored: Verified<AccessRow>;
}

/** The accounts that the instance is shared with now. */
export async function listSharers({ db, guard }: EntityReader, id: InstanceId): Promise<ReadonlySet<string>> {
  const rows = await db
    .$extendTables<AccessSchema>()
    .selectFrom("kms_instance_access")
    .selectAll()
    .where("instance_id", "=", id)
    .where("source", "=", "share")
    .where("ended_at", "is", null)
    .execute();
  const asked = { instance_id: id, source: "share", ended_at: null };
  return new Set(rows.map((raw) => instanceAccessTable.verify(guard, raw, asked).row.account_id));
}

/** The ids of the instances that are shared with an account now. */
export async function listSharedIds({ db, guard }: EntityReader, accountId: string): Promise<readonly string[]> {
  const rows = await db
    .$extendTables<AccessSchema>()
    .selectFrom("kms_instance_access")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("source", "=", "share")
    .where("ended_at", "is", null)
    .execute();
  const asked = { account_id: accountId, source: "share", ended_at: null };
  return rows.map((raw) => instanceAccessTable.verify(guard, raw, asked).row.instance_id);
}

/** All that lets accounts into the instance, and what did so before. */
export async function listAccess({ db, guard }: EntityReader, id: InstanceId): Promise<readonly StoredAccess[]> {
  const rows = await db
    .$extendTables<AccessSchema>()
    .selectFrom("kms_instance_access")
    .selectAll()
    .where("instance_id", "=", id)
    .orderBy("account_id")
    .orderBy("source")
    .orderBy("source_id")
    .execute();
  return rows.map((raw) => {
    const stored = instanceAccessTable.verify(guard, raw, { instance_id: id });
    const { account_id: accountId, source, source_id: sourceId, ended_at: endedAt } = stored.row;
    if (source !== "share" && source !== "policy") {
      throw new RangeError("kms_instance_access: a row holds a value that this version does not know");
    }
    return { accountId, source: { type: source, id: sourceId }, endedAt: endedAt ?? undefined, stored };
  });
}

export function insertAccess(
  { db, guard }: EntityReader,
  access: { readonly instanceId: InstanceId; readonly accountId: string; readonly source: AccessSource },
): RowChange {
  return instanceAccessTable.insert(guard, db, {
    instance_id: access.instanceId,
    account_id: access.accountId,
    source: access.source.type,
    source_id: access.source.id,
    ended_at: null,
  });
}

/** @param endedAt - `undefined` if it holds again. */
export function changeAccess(
  { db, guard }: EntityReader,
  { stored }: StoredAccess,
  endedAt: number | undefined,
): RowChange {
  return instanceAccessTable.update(guard, db, stored, { ...stored.row, ended_at: endedAt ?? null });
}

export function deleteAccessRow({ db, guard }: EntityReader, { stored }: StoredAccess): RowChange {
  return instanceAccessTable.delete(guard, db, stored);
}
