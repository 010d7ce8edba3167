import { ApiError, ERRORS, type EntityReader, type InstanceId, type RequestContext } from "@cinnabar/kernel";
import { sql } from "kysely";
import { instanceKind, type StoredInstance } from "./instance-repository.ts";

const CODE = "Rejected.LimitExceeded";

/** How many versions the living keys of an instance have, and when that was or will be another number by itself. */
export interface KeyUse {
  readonly used: number;
  /** Store times of the last deletion of a key that was due, and of the next one. */
  readonly from: number | undefined;
  readonly until: number | undefined;
}

/** Each version of a key counts in the quota of its instance (Alibaba Cloud KMS, "CreateKeyVersion"). */
export async function countKeys(
  { db, now }: Pick<EntityReader, "db"> & { readonly now: number },
  instanceId: InstanceId,
): Promise<KeyUse> {
  const deletions = sql`from kms_key where instance_id = ${instanceId} and delete_at`;
  const { rows } = await sql<{ used: number | bigint | string; last: number | null; next: number | null }>`
    select
      (select count(*) from key_version join kms_key on kms_key.id = key_version.key_id
        where kms_key.instance_id = ${instanceId} and (kms_key.delete_at is null or kms_key.delete_at > ${now})) as used,
      (select max(delete_at) ${deletions} <= ${now}) as last,
      (select min(delete_at) ${deletions} > ${now}) as next
  `.execute(db);
  const [row] = rows;
  if (row === undefined) throw new RangeError("a count is always one row");
  return { used: Number(row.used), from: row.last ?? undefined, until: row.next ?? undefined };
}

/**
 * Refuses a further key or version of a key where its instance has no room. Under the lock of a control transaction nobody
 * else can take it.
 *
 * @throws {@link ApiError} `Rejected.LimitExceeded`.
 */
export async function assertRoomInInstance(context: RequestContext, instance: StoredInstance): Promise<void> {
  const { used, until } = await countKeys(context, instance.id);
  const { keys } = instance.quotas;
  if (used < keys) return;
  if (until !== undefined) context.holdsUntil(until);
  throw new ApiError(
    CODE,
    `${ERRORS[CODE].message} ${instance.id} holds ${keys} keys, counting each of their versions.`,
  );
}

/** As {@link assertRoomInInstance}, of the instance that a key is in, if it is in one. */
export async function assertRoomInInstanceOf(
  context: RequestContext,
  { instanceId }: { readonly instanceId: InstanceId | undefined },
): Promise<void> {
  const instance = instanceId && (await context.find(instanceKind, instanceId));
  if (instance !== undefined) await assertRoomInInstance(context, instance);
}
