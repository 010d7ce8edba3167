import {
  type EntityKind,
  type EntityReader,
  isId,
  type KeyId,
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
import { type Kysely, type RawBuilder, sql } from "kysely";
import { readPage } from "../listing.ts";
import type { Page } from "../parameters/page.ts";
import { type KeyPolicy, openKeyPolicy } from "../policy/key-policy.ts";
import { serviceOf } from "../service-key/service-key.ts";
import { serviceKeyPolicy } from "../service-key/service-key-policy.ts";
import { insertTags, loadTags, type StoredTags, toTagValues } from "../tag/tag-repository.ts";
import type { Tags } from "../tag/tag.ts";
import type { Key, KeyStatus } from "./key.ts";
import type { FilteredField, KeyFilters } from "./key-filters.ts";
import { isMakeable, KEY_SPECS, type KeyUsage } from "./key-spec.ts";
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
  return rows.map((raw) => {
    const stored = keyVersionTable.verify(guard, raw);
    const { created_at: createdAt, material, account_key_version: accountKeyVersion } = stored.row;
    return { identity: toIdentity(stored.row), createdAt, material, accountKeyVersion, stored };
  });
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

/** A page of the ids of those of the caller's own keys that pass every filter, the oldest first, and their number. */
export async function listKeyIds(
  context: RequestContext,
  { page, filters }: { readonly page: Page; readonly filters: KeyFilters },
): Promise<{ readonly keyIds: readonly string[]; readonly total: number }> {
  const { accountId } = context.principal;
  const conditions = [
    sql`account_id = ${accountId}`,
    sql`(delete_at is null or delete_at > ${context.now})`,
    ...filterConditions(accountId, filters),
  ];
  const entries = sql`from kms_key where ${sql.join(conditions, sql` and `)}`;
  const { rows, total } = await readPage(context, { page, entries, thenBy: "id" });
  return { keyIds: rows.map((raw) => keyTable.verify(context.guard, raw).row.id), total };
}

const FILTERED_COLUMNS = {
  KeyState: "state",
  KeySpec: "spec",
  KeyUsage: "usage",
  ProtectionLevel: "protection_level",
  keyId: "id",
  Creator: "creator",
} as const satisfies Partial<Record<FilteredField, keyof KeyRow>>;

/** What is the same for every key: there are no instances that they could belong to. */
const FILTERED_CONSTANTS = { DKMSInstanceId: "" } as const;

function* filterConditions(accountId: string, filters: KeyFilters): Generator<RawBuilder<unknown>> {
  for (const [field, column] of Object.entries(FILTERED_COLUMNS)) {
    const values = filters.get(field);
    if (values !== undefined) yield sql`${sql.ref(column)} in (${sql.join(values)})`;
  }
  for (const [field, value] of Object.entries(FILTERED_CONSTANTS)) {
    if (filters.get(field)?.includes(value) === false) yield sql`1 = 0`;
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

function toStatusColumns(status: KeyStatus): Pick<KeyRow, "state" | "delete_at" | "deletion_scheduled_at"> {
  const { state } = status;
  if (state !== "PendingDeletion") return { state, delete_at: null, deletion_scheduled_at: null };
  return { state, delete_at: status.deleteAt, deletion_scheduled_at: status.scheduledAt ?? null };
}

function toStatus({ state, delete_at: deleteAt, deletion_scheduled_at: scheduledAt }: KeyRow): KeyStatus {
  if (state === "PendingDeletion" && deleteAt !== null) {
    return { state, deleteAt, scheduledAt: scheduledAt ?? undefined };
  }
  if ((state === "Enabled" || state === "Disabled") && deleteAt === null) return { state };
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
    spec,
    usage: toUsage(spec, row.usage),
    origin: toOrigin(row.origin),
    protectionLevel: toProtectionLevel(row.protection_level),
    status: toStatus(row),
    description: row.description,
    creator: row.creator,
    createdAt: row.created_at,
    primaryVersionId,
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
    material: row.material,
    accountKeyVersion: row.account_key_version,
  });
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
  if (isMakeable(text)) return text;
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
