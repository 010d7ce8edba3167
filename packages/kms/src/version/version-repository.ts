import type { EntityReader, KeyId, KeyMaterial, KeyVersionId, RowChange, Verified } from "@cinnabar/kernel";
import type { StoredKey } from "../key/key-repository.ts";
import {
  type KeySchema,
  keyTable,
  type KeyVersionRow,
  keyVersionTable,
  NEVER_IMPORTED,
  toIdentity,
  toRotationColumns,
  toStatusColumns,
} from "../key/key-row.ts";
import type { KeyVersion } from "../key/key-version.ts";
import type { KeyStatus } from "../key/key.ts";
import type { RotationPolicy } from "../rotation/rotation-policy.ts";

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
  return rows.map((raw) => toVersionRow(keyVersionTable.verify(guard, raw, { key_id: keyId })));
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
  return raw && toVersionRow(keyVersionTable.verify(guard, raw, { id: versionId }));
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

/** What is cached of a key and its versions stays as it is. */
export function changeReservedMessages(
  { guard, db }: EntityReader,
  { stored }: StoredVersionRow,
  reserved: number,
): RowChange {
  return keyVersionTable.update(guard, db, stored, { ...stored.row, messages_reserved: reserved });
}
