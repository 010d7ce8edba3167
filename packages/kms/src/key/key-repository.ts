import {
  type EntityKind,
  type EntityReader,
  isId,
  type KeyId,
  type KeyVersionId,
  parseId,
  type RequestContext,
  type RowChange,
  TamperedRowError,
  type Verified,
} from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import type { KeyPolicy } from "../policy/key-policy.ts";
import type { RotationPolicy } from "../rotation/rotation-policy.ts";
import { insertTags, loadTags, type StoredTags, toTagValues } from "../tag/tag-repository.ts";
import type { Tags } from "../tag/tag.ts";
import {
  type KeyRow,
  type KeySchema,
  keyTable,
  type KeyVersionRow,
  keyVersionTable,
  NEVER_IMPORTED,
  toIdentity,
  toInstanceId,
  toOrigin,
  toPolicy,
  toProtectionLevel,
  toRotation,
  toRotationColumns,
  toSpec,
  toStatus,
  toStatusColumns,
  toUsage,
} from "./key-row.ts";
import { KeyVersion } from "./key-version.ts";
import type { Key, KeyStatus } from "./key.ts";

/** A key with all its versions and tags, as one. */
export interface StoredKey extends Key {
  readonly versions: ReadonlyMap<KeyVersionId, KeyVersion>;
  readonly primaryVersion: KeyVersion;
  readonly tags: StoredTags;
  readonly tagValues: Tags;
  /** `undefined` for the default one, which leaves the key to its account. */
  readonly policy: KeyPolicy | undefined;
  /** Its revision counts the changes of the tags too: it says as of when the whole was seen. */
  readonly stored: Verified<KeyRow>;
}

/** As many as the keystore keeps open. */
const CACHED_KEYS = 5_000;

/** A version of a key with its material, about. */
const VERSION_BYTES = 2_048;

/** A version's entry is small, and without it a Decrypt asks the database once more. */
const CACHED_KEY_VERSIONS = 50_000;

/** Keys by id. A key whose deletion is due is found here too: whoever looks decides by the time. */
export const keyKind: EntityKind<StoredKey> = {
  name: "key",
  capacity: CACHED_KEYS,
  weigh: ({ versions, policy }) =>
    versions.size * VERSION_BYTES + (policy === undefined ? 0 : 2 * policy.document.length + policy.statements.bytes),
  async load(reader, id) {
    if (!isId("Key", id)) return undefined;
    const { db, guard } = reader;
    const tables = db.$extendTables<KeySchema>();
    const raw = await tables.selectFrom("kms_key").selectAll().where("id", "=", id).executeTakeFirst();
    if (raw === undefined) return undefined;
    const versions = new Map<KeyVersionId, KeyVersion>();
    for (const row of await tables.selectFrom("key_version").selectAll().where("key_id", "=", id).execute()) {
      const version = toKeyVersion(keyVersionTable.verify(guard, row, { key_id: id }).row);
      versions.set(version.identity.versionId, version);
    }
    return toStoredKey(keyTable.verify(guard, raw, { id }), { versions, tags: await loadTags(reader, id) });
  },
};

/** Which key a version belongs to, by the version's id: that never changes. */
export const ownerKind: EntityKind<{ readonly keyId: KeyId; readonly versionId: KeyVersionId }> = {
  name: "key-version",
  capacity: CACHED_KEY_VERSIONS,
  async load({ db, guard }, id) {
    if (!isId("KeyVersion", id)) return undefined;
    const tables = db.$extendTables<KeySchema>();
    const raw = await tables.selectFrom("key_version").selectAll().where("id", "=", id).executeTakeFirst();
    return raw && { keyId: parseId("Key", keyVersionTable.verify(guard, raw, { id }).row.key_id), versionId: id };
  },
};

/** The rows of a new key with its first version, its policy and its tags. */
export function insertKey(
  context: RequestContext,
  key: Key,
  {
    first,
    tags,
    policy,
  }: {
    readonly first: {
      readonly versionId: KeyVersionId;
      readonly material: Uint8Array;
      readonly publicKey?: Uint8Array | undefined;
      readonly accountKeyVersion: number;
    };
    readonly tags: Tags;
    readonly policy: KeyPolicy | undefined;
  },
): readonly RowChange[] {
  const { guard, db } = context;
  return [
    keyTable.insert(guard, db, {
      id: key.id,
      account_id: key.accountId,
      spec: key.spec,
      usage: key.usage,
      origin: key.origin,
      protection_level: key.protectionLevel,
      ...toStatusColumns(key.status),
      description: key.description,
      creator: key.creator,
      created_at: key.createdAt,
      primary_version: key.primaryVersionId,
      deletion_protection: key.deletionProtection?.description ?? null,
      policy: policy?.document ?? null,
      instance_id: key.instanceId ?? null,
      ...toRotationColumns(key.rotation),
      is_default: key.isDefault ? 1 : null,
    }),
    keyVersionTable.insert(guard, db, {
      id: first.versionId,
      key_id: key.id,
      account_id: key.accountId,
      spec: key.spec,
      origin: key.origin,
      material: first.material,
      account_key_version: first.accountKeyVersion,
      created_at: key.createdAt,
      public_key: first.publicKey ?? null,
      number: 1,
      messages_reserved: null,
      ...NEVER_IMPORTED,
    }),
    ...insertTags(context, key, tags),
  ];
}

export function changeKeyStatus({ guard, db }: RequestContext, { stored }: StoredKey, status: KeyStatus): RowChange {
  return keyTable.update(guard, db, stored, { ...stored.row, ...toStatusColumns(status) });
}

export function changeKeyDescription(
  { guard, db }: RequestContext,
  { stored }: StoredKey,
  description: string,
): RowChange {
  return keyTable.update(guard, db, stored, { ...stored.row, description });
}

export function changeDeletionProtection(
  { guard, db }: RequestContext,
  { stored }: StoredKey,
  protection: Key["deletionProtection"],
): RowChange {
  return keyTable.update(guard, db, stored, { ...stored.row, deletion_protection: protection?.description ?? null });
}

export function changeKeyPolicy({ guard, db }: RequestContext, { stored }: StoredKey, policy: KeyPolicy): RowChange {
  return keyTable.update(guard, db, stored, { ...stored.row, policy: policy.document });
}

export function changeKeyRotation(
  { guard, db }: RequestContext,
  { stored }: StoredKey,
  rotation: RotationPolicy | undefined,
): RowChange {
  return keyTable.update(guard, db, stored, { ...stored.row, ...toRotationColumns(rotation) });
}

/** Counts a change of what belongs to the key but has rows of its own. */
export function countChange({ guard, db }: RequestContext, { stored }: StoredKey): RowChange {
  return keyTable.update(guard, db, stored, stored.row);
}

/** Deletes a key with all its versions, in an order that the tables allow. Its tags and aliases must be gone. */
export function deleteKeyRows(
  { guard, db }: EntityReader,
  {
    key,
    versions,
  }: { readonly key: StoredKey; readonly versions: readonly { readonly stored: Verified<KeyVersionRow> }[] },
): readonly RowChange[] {
  return [
    ...versions.map(({ stored }) => keyVersionTable.delete(guard, db, stored)),
    keyTable.delete(guard, db, key.stored),
  ];
}

/**
 * What has become of an account's default key, and of earlier ones that are not destroyed yet: at most one of them is not gone.
 */
export async function listDefaultKeys(
  { db, guard }: EntityReader,
  accountId: string,
): Promise<readonly { readonly status: KeyStatus }[]> {
  const keys = db.$extendTables<KeySchema>().selectFrom("kms_key").selectAll().where("account_id", "=", accountId);
  const rows = await keys.where("is_default", "is not", null).orderBy("created_at").orderBy("id").execute();
  return rows.map((raw) => ({ status: toStatus(keyTable.verify(guard, raw, { account_id: accountId }).row) }));
}

/** A key whose deletion seems to be due: its row has not been authenticated. */
export interface DueKey {
  readonly id: string;
  readonly deleteAt: number;
}

/** Keys of all accounts whose deletion is due, those first that were due first, after the one given. */
export async function listDueKeys(
  db: Kysely<unknown>,
  { now, after, limit }: { readonly now: number; readonly after: DueKey | undefined; readonly limit: number },
): Promise<readonly DueKey[]> {
  const { deleteAt, id } = after ?? { deleteAt: -1, id: "" };
  const { rows } = await sql<DueKey>`
    select id, delete_at as "deleteAt" from kms_key
    where delete_at <= ${now} and delete_at >= ${deleteAt} and (delete_at, id) > (${deleteAt}, ${id})
    order by delete_at, id limit ${limit}
  `.execute(db);
  return rows;
}

/** The earliest time later than `after` at which the deletion of a key of any account falls due. */
export async function findNextDeletion(db: Kysely<unknown>, after: number): Promise<number | undefined> {
  const { rows } = await sql<{ deleteAt: number }>`
    select delete_at as "deleteAt" from kms_key where delete_at > ${after} order by delete_at limit 1
  `.execute(db);
  return rows[0]?.deleteAt;
}

function toStoredKey(stored: Verified<KeyRow>, { versions, tags }: Pick<StoredKey, "versions" | "tags">): StoredKey {
  const { row } = stored;
  const primaryVersionId = parseId("KeyVersion", row.primary_version);
  const primaryVersion = versions.get(primaryVersionId);
  if (primaryVersion === undefined) throw new TamperedRowError("key_version", "a key's primary version is missing");
  const spec = toSpec(row.spec);
  return {
    id: parseId("Key", row.id),
    accountId: parseId("Account", row.account_id),
    instanceId: toInstanceId(row),
    isDefault: row.is_default !== null,
    spec,
    usage: toUsage(spec, row.usage),
    origin: toOrigin(row.origin),
    protectionLevel: toProtectionLevel(row.protection_level),
    status: toStatus(row),
    description: row.description,
    creator: row.creator,
    createdAt: row.created_at,
    primaryVersionId,
    rotation: toRotation(row),
    deletionProtection: row.deletion_protection === null ? undefined : { description: row.deletion_protection },
    versions,
    primaryVersion,
    tags,
    tagValues: toTagValues(tags),
    policy: toPolicy(row),
    stored,
  };
}

function toKeyVersion(row: KeyVersionRow): KeyVersion {
  return new KeyVersion({
    identity: toIdentity(row),
    createdAt: row.created_at,
    number: row.number ?? 1,
    material: row.material,
    publicKey: row.public_key ?? undefined,
    imported: toImported(row),
    accountKeyVersion: row.account_key_version,
  });
}

function toImported({ imported_at: at, material_expires_at: expiresAt }: KeyVersionRow): KeyVersion["imported"] {
  return at === null ? undefined : { importedAt: at, expiresAt: expiresAt ?? undefined };
}
