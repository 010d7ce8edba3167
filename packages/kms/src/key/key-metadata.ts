import { z } from "zod";
import { formatInstant } from "../api.ts";
import { keyArn } from "../resource-name.ts";
import { automaticRotation } from "../rotation/rotation-policy.ts";
import type { Key } from "./key.ts";
import { KEY_SPECS } from "./key-spec.ts";

/** What CreateKey answers about a key. */
export const keyMetadata = z.object({
  KeyId: z.string(),
  Arn: z.string(),
  Creator: z.string(),
  Description: z.string(),
  KeySpec: z.string(),
  KeyUsage: z.string(),
  KeyState: z.string(),
  Origin: z.string(),
  ProtectionLevel: z.string(),
  DKMSInstanceId: z.string(),
  /** Pairs and keys of message authentication codes have none. */
  PrimaryKeyVersion: z.string().optional(),
  CreationDate: z.string(),
  /** Empty unless the key's deletion is scheduled. */
  DeleteDate: z.string(),
  /** Empty unless the key's material was imported with an end. */
  MaterialExpireTime: z.string(),
  LastRotationDate: z.string(),
  AutomaticRotation: z.string(),
  /** In seconds, such as `604800s`; absent, as the next field, of a key that is not rotated by itself. */
  RotationInterval: z.string().optional(),
  NextRotationDate: z.string().optional(),
});

/** What DescribeKey answers about a key. */
export const describedKeyMetadata = keyMetadata.extend({
  DeletionProtection: z.string(),
  DeletionProtectionDescription: z.string(),
});

interface MetadataOptions {
  readonly region: string;
  /** When the primary version was made, in store milliseconds. */
  readonly lastRotationAt: number;
  /** When the primary version's material expires, in store milliseconds, if it was imported so. */
  readonly materialExpiresAt?: number | undefined;
}

export function toDescribedKeyMetadata(key: Key, options: MetadataOptions): z.infer<typeof describedKeyMetadata> {
  const { deletionProtection } = key;
  return {
    ...toKeyMetadata(key, options),
    DeletionProtection: deletionProtection === undefined ? "Disabled" : "Enabled",
    DeletionProtectionDescription: deletionProtection?.description ?? "",
  };
}

export function toKeyMetadata(key: Key, options: MetadataOptions): z.infer<typeof keyMetadata> {
  return {
    KeyId: key.id,
    Arn: keyArn({ region: options.region, accountId: key.accountId }, key.id),
    Creator: key.creator,
    Description: key.description,
    KeySpec: key.spec,
    KeyUsage: key.usage,
    KeyState: key.status.state,
    Origin: key.origin,
    ProtectionLevel: key.protectionLevel,
    DKMSInstanceId: key.instanceId ?? "",
    ...(KEY_SPECS[key.spec].family === "symmetric" && { PrimaryKeyVersion: key.primaryVersionId }),
    CreationDate: formatInstant(key.createdAt),
    DeleteDate: key.status.state === "PendingDeletion" ? formatInstant(key.status.deleteAt) : "",
    MaterialExpireTime: options.materialExpiresAt === undefined ? "" : formatInstant(options.materialExpiresAt),
    LastRotationDate: formatInstant(options.lastRotationAt),
    AutomaticRotation: automaticRotation(key),
    ...(key.rotation !== undefined && {
      RotationInterval: `${key.rotation.intervalSeconds}s`,
      NextRotationDate: formatInstant(key.rotation.nextAt),
    }),
  };
}
