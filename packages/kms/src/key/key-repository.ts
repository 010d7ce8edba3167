import {
  type EntityKind,
  type EntityReader,
  type InstanceId,
  isId,
  type KeyId,
  type KeyMaterial,
  type KeyOrigin,
  type KeySpec,
  type KeyVersionId,
  parseId,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  TamperedRowError,
  type Verified,
} from "@cinnabar/kernel";
import type { PolicySet } from "@cinnabar/policy";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { type DeletionTimes, deletionTimes, holdBetween, keysOf, readPage } from "../listing.ts";
import type { Page } from "../parameters/page.ts";
import { type KeyPolicy, openKeyPolicy } from "../policy/key-policy.ts";
import type { RotationPolicy } from "../rotation/rotation-policy.ts";
import { serviceOf } from "../service-key/service-key.ts";
import { serviceKeyPolicy } from "../service-key/service-key-policy.ts";
import { insertTags, loadTags, type StoredTags, toTagValues } from "../tag/tag-repository.ts";
import type { Tags } from "../tag/tag.ts";
import type { Key, KeyStatus } from "./key.ts";
import type { FilteredField, KeyFilters } from "./key-filters.ts";
import { isKeySpec, KEY_SPECS, type KeyUsage } from "./key-spec.ts";
import { KeyVersion } from "./key-version.ts";

const keyColumns = {
  id: "text",
  account_id: "text",
  spec: "text",
  usage: "text",
  origin: "text",
  protection_level: "text",
  state: "text",
  delete_at: "integer?",
  description: "text",
  creator: "text",
  created_at: "integer",
  primary_version: "text",
  /** The protection's description; null without protection. */
  deletion_protection: "text?",
  deletion_scheduled_at: "integer?",
  /** The key's policy; null for the default one. */
  policy: "text?",
  /** Null for a key of no instance. */
  instance_id: "text?",
  /** How often the key is rotated, in seconds, and when it is next; null where it is not. */
  rotation_interval: "integer?",
  rotate_at: "integer?",
  /** 1 for the default key of its account; null for any other. */
  is_default: "integer?",
  /** 1 for a key that waits for its material, and was disabled when it lost it; null for any other. */
  was_disabled: "integer?",
} as const;

const versionColumns = {
  id: "text",
  key_id: "text",
  account_id: "text",
  spec: "text",
  origin: "text",
  material: "bytes",
  account_key_version: "integer",
  created_at: "integer",
  /** The DER of a pair's SubjectPublicKeyInfo; null of a key that is no pair. */
  public_key: "bytes?",
  /** Counts the key's versions from 1; null of a first one that was made before the store kept it. */
  number: "integer?",
  /** Messages that may have been encrypted; null where none are, or nobody counts them. */
  messages_reserved: "integer?",
  /** When the material was imported; null of a version that has none, or whose material is made here. */
  imported_at: "integer?",
  /** When imported material is no longer to be used; null if that is never. */
  material_expires_at: "integer?",
  /** By which the material is recognised that was imported once: only the same may come again. */
  material_digest: "bytes?",
  /** When imported material was erased last. */
  erased_at: "integer?",
} as const;

export const keyTable = new ProtectedTable("kms_key", { columns: keyColumns, identity: ["id"] });
export const keyVersionTable = new ProtectedTable("key_version", { columns: versionColumns, identity: ["id"] });

type KeyRow = RowOf<typeof keyColumns>;
type KeyVersionRow = RowOf<typeof versionColumns>;
type KeySchema = { kms_key: KeyRow; key_version: KeyVersionRow };

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
      const version = toKeyVersion(keyVersionTable.verify(guard, row).row);
      versions.set(version.identity.versionId, version);
    }
    return toStoredKey(keyTable.verify(guard, raw), { versions, tags: await loadTags(reader, id) });
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
    return raw && { keyId: parseId("Key", keyVersionTable.verify(guard, raw).row.key_id), versionId: id };
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

/** The rows of a further version of a key, and of what becomes of the key with it. */
export function insertVersion(
  { guard, db }: EntityReader,
  { id: keyId, accountId, spec, origin, stored }: StoredKey,
  version: {
    readonly versionId: KeyVersionId;
    readonly made: KeyMaterial;
    readonly accountKeyVersion: number;
    readonly number: number;
    readonly createdAt: number;
    /** Whether the key encrypts with it from now on. */
    readonly isPrimary: boolean;
    /** The key's policy from now on. */
    readonly rotation: RotationPolicy | undefined;
  },
): readonly RowChange[] {
  const { versionId, made, isPrimary } = version;
  return [
    keyVersionTable.insert(guard, db, {
      id: versionId,
      key_id: keyId,
      account_id: accountId,
      spec,
      origin,
      material: made.material,
      account_key_version: version.accountKeyVersion,
      created_at: version.createdAt,
      public_key: made.publicKey ?? null,
      number: version.number,
      messages_reserved: null,
      ...NEVER_IMPORTED,
    }),
    keyTable.update(guard, db, stored, {
      ...stored.row,
      ...(isPrimary && { primary_version: versionId }),
      ...toRotationColumns(version.rotation),
    }),
  ];
}

const NEVER_IMPORTED = {
  imported_at: null,
  material_expires_at: null,
  material_digest: null,
  erased_at: null,
} as const;

/** The rows of a version whose material is imported now, and of what becomes of its key with it. */
export function importVersion(
  { guard, db }: EntityReader,
  { key: { stored }, version }: { readonly key: StoredKey; readonly version: StoredVersionRow },
  imported: {
    readonly made: KeyMaterial;
    readonly accountKeyVersion: number;
    readonly digest: Uint8Array;
    readonly importedAt: number;
    readonly expiresAt: number | undefined;
    /** The key's status from now on. */
    readonly status: KeyStatus;
    /** Whether the key encrypts with the version from now on. */
    readonly isPrimary: boolean;
  },
): readonly RowChange[] {
  const { made } = imported;
  return [
    keyVersionTable.update(guard, db, version.stored, {
      ...version.stored.row,
      material: made.material,
      account_key_version: imported.accountKeyVersion,
      public_key: made.publicKey ?? null,
      imported_at: imported.importedAt,
      material_expires_at: imported.expiresAt ?? null,
      material_digest: imported.digest,
    }),
    keyTable.update(guard, db, stored, {
      ...stored.row,
      ...toStatusColumns(imported.status),
      ...(imported.isPrimary && { primary_version: version.identity.versionId }),
    }),
  ];
}

/** The rows of versions whose imported material is erased, and of what becomes of their key with it. */
export function eraseMaterial(
  { guard, db }: EntityReader,
  { stored }: StoredKey,
  erased: {
    readonly versions: readonly {
      readonly version: StoredVersionRow;
      /** What is stored instead, wrapped under the account key of that version. */
      readonly nothing: KeyMaterial;
      readonly accountKeyVersion: number;
    }[];
    readonly erasedAt: number;
    readonly status: KeyStatus;
  },
): readonly RowChange[] {
  return [
    ...erased.versions.map(({ version, nothing, accountKeyVersion }) =>
      keyVersionTable.update(guard, db, version.stored, {
        ...version.stored.row,
        material: nothing.material,
        account_key_version: accountKeyVersion,
        public_key: null,
        imported_at: null,
        material_expires_at: null,
        erased_at: erased.erasedAt,
      }),
    ),
    keyTable.update(guard, db, stored, { ...stored.row, ...toStatusColumns(erased.status) }),
  ];
}

/** Counts a change of what belongs to the key but has rows of its own. */
export function countChange({ guard, db }: RequestContext, { stored }: StoredKey): RowChange {
  return keyTable.update(guard, db, stored, stored.row);
}

/** A version of a key as its row has it. */
export interface StoredVersionRow {
  readonly identity: KeyVersion["identity"];
  readonly createdAt: number;
  readonly material: Uint8Array;
  readonly accountKeyVersion: number;
  /** Messages that may have been encrypted with it, if they are counted. */
  readonly reservedMessages: number;
  /** Whether imported material is stored, expired or not. */
  readonly isImported: boolean;
  /** When that expires. */
  readonly expiresAt: number | undefined;
  /** By which the material is recognised that was imported once. */
  readonly materialDigest: Uint8Array | undefined;
  readonly stored: Verified<KeyVersionRow>;
}

/** The rows of all versions of a key, the oldest first. */
export async function loadVersionRows({ db, guard }: EntityReader, keyId: KeyId): Promise<readonly StoredVersionRow[]> {
  const rows = await db
    .$extendTables<KeySchema>()
    .selectFrom("key_version")
    .selectAll()
    .where("key_id", "=", keyId)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map((raw) => toVersionRow(keyVersionTable.verify(guard, raw)));
}

/** The row of one version. */
export async function findVersionRow(
  { db, guard }: EntityReader,
  versionId: KeyVersionId,
): Promise<StoredVersionRow | undefined> {
  const raw = await db
    .$extendTables<KeySchema>()
    .selectFrom("key_version")
    .selectAll()
    .where("id", "=", versionId)
    .executeTakeFirst();
  return raw && toVersionRow(keyVersionTable.verify(guard, raw));
}

function toVersionRow(stored: Verified<KeyVersionRow>): StoredVersionRow {
  const { row } = stored;
  return {
    identity: toIdentity(row),
    createdAt: row.created_at,
    material: row.material,
    accountKeyVersion: row.account_key_version,
    reservedMessages: row.messages_reserved ?? 0,
    isImported: row.imported_at !== null,
    expiresAt: row.material_expires_at ?? undefined,
    materialDigest: row.material_digest ?? undefined,
    stored,
  };
}

/** What is cached of a key and its versions stays as it is. */
export function changeReservedMessages(
  { guard, db }: EntityReader,
  { stored }: StoredVersionRow,
  reserved: number,
): RowChange {
  return keyVersionTable.update(guard, db, stored, { ...stored.row, messages_reserved: reserved });
}

/** Deletes a key with all its versions, in an order that the tables allow. Its tags and aliases must be gone. */
export function deleteKeyRows(
  { guard, db }: EntityReader,
  { key, versions }: { readonly key: StoredKey; readonly versions: readonly StoredVersionRow[] },
): readonly RowChange[] {
  return [
    ...versions.map(({ stored }) => keyVersionTable.delete(guard, db, stored)),
    keyTable.delete(guard, db, key.stored),
  ];
}

/** The policy of a key: `undefined` is the default one. */
export interface ReadKeyPolicy extends Pick<Key, "accountId" | "instanceId"> {
  readonly keyId: string;
  readonly policy: PolicySet | undefined;
}

/** The policies of some keys of an account, in no order; keys that are not there are left out. */
export async function readKeyPolicies(
  { db, guard }: EntityReader,
  { accountId, keyIds }: { readonly accountId: string; readonly keyIds: readonly string[] },
): Promise<readonly ReadKeyPolicy[]> {
  if (keyIds.length === 0) return [];
  const keys = db.$extendTables<KeySchema>().selectFrom("kms_key").selectAll().where("account_id", "=", accountId);
  const rows = await keys.where("id", "in", keyIds).execute();
  return rows.map((raw) => toReadPolicy(keyTable.verify(guard, raw).row));
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
  return rows.map((raw) => ({ status: toStatus(keyTable.verify(guard, raw).row) }));
}

/** A page of the policies that keys of an account have of their own. */
export interface KeyPolicyPage {
  readonly policies: readonly ReadKeyPolicy[];
  /** After which key the next page begins; `undefined` if there is none. */
  readonly next: string | undefined;
}

/**
 * A page of the keys of an account that have a policy of their own, in the order of their ids; of these only the ones whose
 * policies are wanted by what they say, since few of many are.
 *
 * @param page.choose - says of each of some policies whether it is wanted.
 */
export async function pageKeyPolicies(
  { db, guard }: EntityReader,
  {
    accountId,
    after,
    limit,
    choose,
  }: {
    readonly accountId: string;
    readonly after: string;
    readonly limit: number;
    readonly choose: (documents: readonly string[]) => Promise<readonly boolean[]>;
  },
): Promise<KeyPolicyPage> {
  const rows = await db
    .$extendTables<KeySchema>()
    .selectFrom("kms_key")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("policy", "is not", null)
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit)
    .execute();
  const chosen = await choose(rows.map(({ policy }) => policy ?? ""));
  const wanted = rows.filter((_, i) => chosen[i] === true);
  return {
    policies: wanted.map((raw) => toReadPolicy(keyTable.verify(guard, raw).row)),
    next: rows.length < limit ? undefined : rows.at(-1)?.id,
  };
}

function toInstanceId({ instance_id: id }: KeyRow): InstanceId | undefined {
  return id === null ? undefined : parseId("Instance", id);
}

function toReadPolicy(row: KeyRow): ReadKeyPolicy {
  const accountId = parseId("Account", row.account_id);
  return { keyId: row.id, accountId, instanceId: toInstanceId(row), policy: toPolicy(row)?.statements };
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

/**
 * A page of those of the caller's own keys that pass every filter, the oldest first, and their number; where instances are
 * asked for, with what others made in its own ones.
 *
 * @param list.restricted - of the keys that the account's root may be denied, those to list; all if left out.
 */
export async function listKeys(
  context: RequestContext,
  {
    page,
    filters,
    restricted,
  }: { readonly page: Page; readonly filters: KeyFilters; readonly restricted?: readonly string[] },
): Promise<{ readonly keys: readonly Pick<Key, "id" | "accountId">[]; readonly total: number }> {
  const { accountId } = context.principal;
  const owned = listedKeys(accountId, filters);
  const conditions = [
    owned,
    sql`(delete_at is null or delete_at > ${context.now})`,
    ...filterConditions(context, filters),
    ...(restricted === undefined ? [] : [sql`(not ${IS_RESTRICTED} or id in (${sql.join(["", ...restricted])}))`]),
  ];
  const entries = sql`from kms_key where ${sql.join(conditions, sql` and `)}`;
  const { rows, total } = await readPage(context, { page, entries, thenBy: "id", owned });
  const keys = rows.map((raw) => {
    const { row } = keyTable.verify(context.guard, raw);
    return { id: parseId("Key", row.id), accountId: parseId("Account", row.account_id) };
  });
  return { keys, total };
}

/** Keys that the root of their account may be denied: with a policy, of their own or a service's, or in an instance. */
const IS_RESTRICTED = sql`(policy is not null or creator <> account_id or instance_id is not null)`;

/**
 * Ids of the caller's own keys that pass every filter, the oldest first. The rows have not been authenticated.
 *
 * @param list.areRestricted - whether to leave out what the account's root may do everything to.
 */
export async function listKeyIds(
  context: RequestContext,
  {
    filters,
    areRestricted,
    limit,
  }: { readonly filters: KeyFilters; readonly areRestricted: boolean; readonly limit: number },
): Promise<readonly string[]> {
  const conditions = [
    ...(areRestricted ? [IS_RESTRICTED] : []),
    sql`account_id = ${context.principal.accountId}`,
    sql`(delete_at is null or delete_at > ${context.now})`,
    ...filterConditions(context, filters),
  ];
  const { rows } = await sql<DeletionTimes & { readonly id: string | null }>`
    select head.*, listed.id
    from (select ${deletionTimes(context)}) as head
    left join (
      select id, created_at from kms_key where ${sql.join(conditions, sql` and `)} order by created_at, id limit ${limit}
    ) as listed on 1 = 1
    order by listed.created_at, listed.id
  `.execute(context.db);
  holdBetween(context, rows[0]);
  return rows.flatMap(({ id }) => (id === null ? [] : [id]));
}

/** The account's own keys, and those that others made in its instances, where it asks for these. */
function listedKeys(accountId: string, filters: KeyFilters): RawBuilder<unknown> {
  return filters.has("DKMSInstanceId") ? keysOf(accountId) : sql`account_id = ${accountId}`;
}

const FILTERED_COLUMNS = {
  KeySpec: "spec",
  KeyUsage: "usage",
  ProtectionLevel: "protection_level",
  keyId: "id",
  Creator: "creator",
} as const satisfies Partial<Record<FilteredField, keyof KeyRow>>;

function* filterConditions(
  { principal: { accountId }, now }: Pick<RequestContext, "principal" | "now">,
  filters: KeyFilters,
): Generator<RawBuilder<unknown>> {
  for (const [field, column] of Object.entries(FILTERED_COLUMNS)) {
    const values = filters.get(field);
    if (values !== undefined) yield sql`${sql.ref(column)} in (${sql.join(values)})`;
  }
  const states = filters.get("KeyState");
  if (states !== undefined) {
    // Expired material is gone, also where it is still stored.
    const hasExpired = sql`exists (
      select 1 from key_version where key_version.id = kms_key.primary_version and material_expires_at <= ${now}
    )`;
    const state = sql`case when state in ('Enabled', 'Disabled') and ${hasExpired} then 'PendingImport' else state end`;
    yield sql`${state} in (${sql.join(states)})`;
  }
  const instances = filters.get("DKMSInstanceId");
  if (instances !== undefined) {
    const ofNone = instances.includes("") ? sql`instance_id is null or ` : sql``;
    yield sql`(${ofNone}instance_id in (${sql.join(instances)}))`;
  }
  const creators = filters.get("CreatorType");
  if (creators !== undefined) {
    const types = [
      ...(creators.includes("User") ? [sql`creator = account_id`] : []),
      ...(creators.includes("Service") ? [sql`creator <> account_id`] : []),
    ];
    yield types.length === 0 ? sql`1 = 0` : sql`(${sql.join(types, sql` or `)})`;
  }
  const names = filters.get("AliasName");
  if (names !== undefined) {
    yield sql`id in (select key_id from alias where account_id = ${accountId} and name in (${sql.join(names)}))`;
  }
  const [tagKeys, tagValues] = [filters.get("TagKey"), filters.get("TagValue")];
  if (tagKeys !== undefined || tagValues !== undefined) {
    // One tag has to pass both.
    const tags = [sql`account_id = ${accountId}`];
    if (tagKeys !== undefined) tags.push(sql`tag_key in (${sql.join(tagKeys)})`);
    if (tagValues !== undefined) tags.push(sql`tag_value in (${sql.join(tagValues)})`);
    yield sql`id in (select key_id from key_tag where ${sql.join(tags, sql` and `)})`;
  }
}

type StatusColumns = Pick<KeyRow, "state" | "delete_at" | "deletion_scheduled_at" | "was_disabled">;

function toStatusColumns(status: KeyStatus): StatusColumns {
  const columns = { state: status.state, delete_at: null, deletion_scheduled_at: null, was_disabled: null };
  switch (status.state) {
    case "PendingDeletion":
      return { ...columns, delete_at: status.deleteAt, deletion_scheduled_at: status.scheduledAt ?? null };
    case "PendingImport":
      return { ...columns, was_disabled: status.becomes === "Disabled" ? 1 : null };
    default:
      return columns;
  }
}

function toStatus(row: StatusColumns): KeyStatus {
  const { state, delete_at: deleteAt, deletion_scheduled_at: scheduledAt, was_disabled: wasDisabled } = row;
  if (state === "PendingImport" && deleteAt === null) {
    return { state, becomes: wasDisabled === null ? "Enabled" : "Disabled" };
  }
  if (wasDisabled === null) {
    if (state === "PendingDeletion" && deleteAt !== null) {
      return { state, deleteAt, scheduledAt: scheduledAt ?? undefined };
    }
    if ((state === "Enabled" || state === "Disabled") && deleteAt === null) return { state };
  }
  throw unknownContent("kms_key");
}

function toRotationColumns(rotation: RotationPolicy | undefined): Pick<KeyRow, "rotation_interval" | "rotate_at"> {
  return { rotation_interval: rotation?.intervalSeconds ?? null, rotate_at: rotation?.nextAt ?? null };
}

function toRotation({ rotation_interval: intervalSeconds, rotate_at: nextAt }: KeyRow): RotationPolicy | undefined {
  if (intervalSeconds !== null && nextAt !== null) return { intervalSeconds, nextAt };
  if (intervalSeconds === null && nextAt === null) return undefined;
  throw unknownContent("kms_key");
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

function toPolicy({ creator, account_id: accountId, policy }: KeyRow): KeyPolicy | undefined {
  const service = serviceOf({ creator, accountId });
  if (service !== undefined) return serviceKeyPolicy({ service, accountId });
  return policy === null ? undefined : openKeyPolicy(policy);
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

/** What is fixed about the version that a row keeps, and its material is bound to. */
export function toIdentity(row: KeyVersionRow): KeyVersion["identity"] {
  return {
    accountId: parseId("Account", row.account_id),
    keyId: parseId("Key", row.key_id),
    versionId: parseId("KeyVersion", row.id),
    spec: toSpec(row.spec),
    origin: toOrigin(row.origin),
  };
}

function toSpec(text: string): KeySpec {
  if (isKeySpec(text)) return text;
  throw unknownContent("kms_key");
}

function toUsage(spec: KeySpec, text: string): KeyUsage {
  const usage = KEY_SPECS[spec].usages.find((usage) => usage === text);
  if (usage === undefined) throw unknownContent("kms_key");
  return usage;
}

function toOrigin(text: string): KeyOrigin {
  if (text === "Aliyun_KMS" || text === "EXTERNAL") return text;
  throw unknownContent("kms_key");
}

function toProtectionLevel(text: string): "SOFTWARE" {
  if (text === "SOFTWARE") return text;
  throw unknownContent("kms_key");
}

/** The row's MAC holds, so this server wrote it, but not this version of it. */
function unknownContent(table: string): RangeError {
  return new RangeError(`${table}: a row holds a value that this version does not know`);
}
