import { type Kysely, sql } from "kysely";

/** A key version whose material seems to have expired: its row has not been authenticated. */
export interface DueExpiry {
  readonly id: string;
  readonly keyId: string;
  readonly expiresAt: number;
}

/** Versions of keys of all accounts whose material has expired and is still stored, the earliest first, after the one given. */
export async function listDueExpiries(
  db: Kysely<unknown>,
  { now, after, limit }: { readonly now: number; readonly after: DueExpiry | undefined; readonly limit: number },
): Promise<readonly DueExpiry[]> {
  const { expiresAt, id } = after ?? { expiresAt: -1, id: "" };
  const { rows } = await sql<DueExpiry>`
    select id, key_id as "keyId", material_expires_at as "expiresAt" from key_version
    where material_expires_at <= ${now} and material_expires_at >= ${expiresAt}
      and (material_expires_at, id) > (${expiresAt}, ${id})
    order by material_expires_at, id limit ${limit}
  `.execute(db);
  return rows;
}

/** The earliest time later than `after` at which material of a key of any account expires. */
export async function findNextExpiry(db: Kysely<unknown>, after: number): Promise<number | undefined> {
  const { rows } = await sql<{ expiresAt: number }>`
    select material_expires_at as "expiresAt" from key_version
    where material_expires_at > ${after} order by material_expires_at limit 1
  `.execute(db);
  return rows[0]?.expiresAt;
}

/** When imported material of any key was erased last, because it had expired or because somebody wanted so. */
export async function findLastErasure(db: Kysely<unknown>): Promise<number | undefined> {
  const { rows } = await sql<{ erasedAt: number }>`
    select erased_at as "erasedAt" from key_version
    where erased_at is not null order by erased_at desc limit 1
  `.execute(db);
  return rows[0]?.erasedAt;
}
