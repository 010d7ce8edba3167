import { type Kysely, sql } from "kysely";
import { quotaAccount } from "../quota/account-room.ts";
import { ROTATED_FROM_MESSAGES } from "../version/message-limits.ts";

/** A key whose rotation seems to be due: its row has not been authenticated. */
export interface KeyToRotate {
  readonly id: string;
}

/** A key whose policy says that it is to be rotated. */
export interface DueRotation extends KeyToRotate {
  readonly rotateAt: number;
  /** The account in whose quotas its versions count; null if they count in none. */
  readonly quotaAccount: string | null;
}

/** Keys of all accounts whose rotation is due by their policy, those first that were due first, after the one given. */
export async function listDueRotations(
  db: Kysely<unknown>,
  { now, after, limit }: { readonly now: number; readonly after: DueRotation | undefined; readonly limit: number },
): Promise<readonly DueRotation[]> {
  const { rotateAt, id } = after ?? { rotateAt: -1, id: "" };
  const { rows } = await sql<DueRotation>`
    select id, rotate_at as "rotateAt", ${quotaAccount} as "quotaAccount" from kms_key
    where rotate_at <= ${now} and rotate_at >= ${rotateAt} and (rotate_at, id) > (${rotateAt}, ${id})
      and state = 'Enabled'
    order by rotate_at, id limit ${limit}
  `.execute(db);
  return rows;
}

/**
 * Keys of all accounts whose version that encrypts nears the end of what it may encrypt, in the order of their ids after the
 * one given.
 */
export async function listSpentKeys(
  db: Kysely<unknown>,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly KeyToRotate[]> {
  const { rows } = await sql<KeyToRotate>`
    select kms_key.id from key_version join kms_key on kms_key.primary_version = key_version.id
    where messages_reserved >= ${ROTATED_FROM_MESSAGES} and kms_key.id > ${after}
      and kms_key.state = 'Enabled' and kms_key.origin = 'Aliyun_KMS'
    order by kms_key.id limit ${limit}
  `.execute(db);
  return rows;
}

/** A version that has encrypted very much, as its row has it, which has not been authenticated. */
export interface SpentVersion {
  readonly keyId: string;
  readonly versionId: string;
  readonly messages: number;
}

/**
 * Versions that near the end of what they may encrypt although their keys have encrypted with later ones since, those first
 * that have encrypted most.
 */
export async function listSpentVersions(db: Kysely<unknown>, limit: number): Promise<readonly SpentVersion[]> {
  const { rows } = await sql<SpentVersion>`
    select kms_key.id as "keyId", key_version.id as "versionId", messages_reserved as "messages"
    from key_version join kms_key on kms_key.id = key_version.key_id
    where messages_reserved >= ${ROTATED_FROM_MESSAGES} and kms_key.primary_version <> key_version.id
      and kms_key.state = 'Enabled'
    order by messages_reserved desc limit ${limit}
  `.execute(db);
  return rows;
}

/** The earliest time later than `after` at which the rotation of a key of any account falls due. */
export async function findNextRotation(db: Kysely<unknown>, after: number): Promise<number | undefined> {
  const { rows } = await sql<{ rotateAt: number }>`
    select rotate_at as "rotateAt" from kms_key
    where rotate_at > ${after} and state = 'Enabled' order by rotate_at limit 1
  `.execute(db);
  return rows[0]?.rotateAt;
}
