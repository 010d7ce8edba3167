import { type InstanceId, type KeyOrigin, type KeySpec, parseId, ProtectedTable, type RowOf } from "@cinnabar/kernel";
import { type KeyPolicy, openKeyPolicy } from "../policy/key-policy.ts";
import type { RotationPolicy } from "../rotation/rotation-policy.ts";
import { serviceKeyPolicy } from "../service-key/service-key-policy.ts";
import { serviceOf } from "../service-key/service-key.ts";
import { isKeySpec, KEY_SPECS, type KeyUsage } from "./key-spec.ts";
import type { KeyVersion } from "./key-version.ts";
import type { KeyStatus } from "./key.ts";

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

export type KeyRow = RowOf<typeof keyColumns>;
export type KeyVersionRow = RowOf<typeof versionColumns>;
/** For statements that read keys and their versions. */
export type KeySchema = { kms_key: KeyRow; key_version: KeyVersionRow };

/** What the row of a new version says of imported material. */
export const NEVER_IMPORTED = {
  imported_at: null,
  material_expires_at: null,
  material_digest: null,
  erased_at: null,
} as const;

type StatusColumns = Pick<KeyRow, "state" | "delete_at" | "deletion_scheduled_at" | "was_disabled">;

export function toStatusColumns(status: KeyStatus): StatusColumns {
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

export function toStatus(row: StatusColumns): KeyStatus {
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

export function toRotationColumns(
  rotation: RotationPolicy | undefined,
): Pick<KeyRow, "rotation_interval" | "rotate_at"> {
  return { rotation_interval: rotation?.intervalSeconds ?? null, rotate_at: rotation?.nextAt ?? null };
}

export function toRotation({
  rotation_interval: intervalSeconds,
  rotate_at: nextAt,
}: KeyRow): RotationPolicy | undefined {
  if (intervalSeconds !== null && nextAt !== null) return { intervalSeconds, nextAt };
  if (intervalSeconds === null && nextAt === null) return undefined;
  throw unknownContent("kms_key");
}

export function toInstanceId({ instance_id: id }: KeyRow): InstanceId | undefined {
  return id === null ? undefined : parseId("Instance", id);
}

export function toPolicy({ creator, account_id: accountId, policy }: KeyRow): KeyPolicy | undefined {
  const service = serviceOf({ creator, accountId });
  if (service !== undefined) return serviceKeyPolicy({ service, accountId });
  return policy === null ? undefined : openKeyPolicy(policy);
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

export function toSpec(text: string): KeySpec {
  if (isKeySpec(text)) return text;
  throw unknownContent("kms_key");
}

export function toUsage(spec: KeySpec, text: string): KeyUsage {
  const usage = KEY_SPECS[spec].usages.find((usage) => usage === text);
  if (usage === undefined) throw unknownContent("kms_key");
  return usage;
}

export function toOrigin(text: string): KeyOrigin {
  if (text === "Aliyun_KMS" || text === "EXTERNAL") return text;
  throw unknownContent("kms_key");
}

export function toProtectionLevel(text: string): "SOFTWARE" {
  if (text === "SOFTWARE") return text;
  throw unknownContent("kms_key");
}

/** The row's MAC holds, so this server wrote it, but not this version of it. */
function unknownContent(table: string): RangeError {
  return new RangeError(`${table}: a row holds a value that this version does not know`);
}
