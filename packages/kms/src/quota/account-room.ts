import { type AccountId, ApiError, type EntityReader, ERRORS, type RequestContext } from "@cinnabar/kernel";
import { type RawBuilder, sql } from "kysely";
import type { Key } from "../key/key.ts";
import { serviceOf } from "../service-key/service-key.ts";
import type { AccountQuotas, Counted } from "./account-quotas.ts";

const CODE = "Rejected.LimitExceeded";

const ADVICE: Readonly<Record<Counted, (quota: number) => string>> = {
  keys: (quota) =>
    `The account may have ${quota} keys outside of instances; one that waits for its deletion counts until then.`,
  aliases: (quota) => `The account may have ${quota} aliases.`,
  versions: (quota) =>
    `The account's keys outside of instances may have ${quota} versions together; those of a key that waits for its deletion count until then.`,
};

/** What says in whose quota a key counts. */
type CountedKey = Pick<Key, "instanceId" | "creator" | "accountId">;

/** A key in an instance counts in the quota of that, and a service's key in none. */
function countsInAccount(key: CountedKey): boolean {
  return key.instanceId === undefined && serviceOf(key) === undefined;
}

/** As {@link countsInAccount}, of rows of `kms_key`. */
const isCountedInAccount = sql`(kms_key.instance_id is null and kms_key.creator = kms_key.account_id)`;

/** In SQL, of rows of `kms_key`: the account in whose quotas the key counts, or null. */
export const quotaAccount = sql`case when ${isCountedInAccount} then kms_key.account_id end`;

/**
 * Refuses a further key of no instance where its account has no room for it. Under the lock of a control transaction nobody
 * else can take its place.
 *
 * @throws {@link ApiError} `Rejected.LimitExceeded`.
 */
export async function assertRoomForKey(
  context: RequestContext,
  quotas: AccountQuotas,
  accountId: AccountId,
): Promise<void> {
  await assertRoom(context, quotas, { accountId, counted: "keys" });
  await assertRoom(context, quotas, { accountId, counted: "versions" });
}

/** As {@link assertRoomForKey}, of a further alias. */
export function assertRoomForAlias(
  context: RequestContext,
  quotas: AccountQuotas,
  accountId: AccountId,
): Promise<void> {
  return assertRoom(context, quotas, { accountId, counted: "aliases" });
}

/** As {@link assertRoomForKey}, of a further version of a key, if that counts in its account. */
export async function assertRoomForVersionOf(
  context: RequestContext,
  quotas: AccountQuotas,
  key: CountedKey,
): Promise<void> {
  if (countsInAccount(key)) await assertRoom(context, quotas, { accountId: key.accountId, counted: "versions" });
}

/** Whether there is room for a further version of a key in its account, if it counts there. */
export async function hasRoomForVersionOf(
  reader: CountReader,
  { versions: quota }: AccountQuotas,
  key: CountedKey,
): Promise<boolean> {
  if (quota === undefined || !countsInAccount(key)) return true;
  return !(await isFull(reader, { accountId: key.accountId, counted: "versions", quota }));
}

type CountReader = Pick<EntityReader, "db"> & { readonly now: number };

async function assertRoom(
  context: RequestContext,
  quotas: AccountQuotas,
  { accountId, counted }: { readonly accountId: AccountId; readonly counted: Counted },
): Promise<void> {
  const quota = quotas[counted];
  if (quota === undefined || !(await isFull(context, { accountId, counted, quota }))) return;
  // A key whose deletion is due counts no more, and nor do its versions and aliases.
  const until = await findNextDeletionIn(context, accountId);
  if (until !== undefined) context.holdsUntil(until);
  throw new ApiError(CODE, `${ERRORS[CODE].message} ${ADVICE[counted](quota)}`);
}

async function isFull(
  { db, now }: CountReader,
  { accountId, counted, quota }: { readonly accountId: AccountId; readonly counted: Counted; readonly quota: number },
): Promise<boolean> {
  const { all, living } = rowsOf(counted, { accountId, now });
  // An index alone says how many there could be: only near the quota is it looked which of them count.
  return (await hasRows(db, all, quota)) && (await hasRows(db, living, quota));
}

/** Looks at no more than so many rows. */
async function hasRows(db: EntityReader["db"], rows: RawBuilder<unknown>, count: number): Promise<boolean> {
  const last = await sql<object>`select 1 ${rows} limit 1 offset ${count - 1}`.execute(db);
  return last.rows.length > 0;
}

/** The rows of an account that count, and all that there are. */
function rowsOf(
  counted: Counted,
  { accountId, now }: { readonly accountId: AccountId; readonly now: number },
): { readonly all: RawBuilder<unknown>; readonly living: RawBuilder<unknown> } {
  const isLiving = sql`(kms_key.delete_at is null or kms_key.delete_at > ${now})`;
  // As `isCountedInAccount` for one account, so that an index has these rows alone, however many keys are in instances.
  const isCounted = sql`kms_key.account_id = ${accountId} and kms_key.creator = ${accountId} and kms_key.instance_id is null`;
  switch (counted) {
    case "keys": {
      const all = sql`from kms_key where ${isCounted}`;
      return { all, living: sql`${all} and ${isLiving}` };
    }
    case "versions":
      return {
        all: sql`from key_version where account_id = ${accountId}`,
        living: sql`from kms_key join key_version on key_version.key_id = kms_key.id where ${isCounted} and ${isLiving}`,
      };
    case "aliases":
      return {
        all: sql`from alias where account_id = ${accountId}`,
        // An alias is its account's, wherever the key is; a service's key has that of the service alone.
        living: sql`from alias join kms_key on kms_key.id = alias.key_id
          where alias.account_id = ${accountId} and ${isLiving} and kms_key.creator = kms_key.account_id`,
      };
  }
}

async function findNextDeletionIn({ db, now }: CountReader, accountId: AccountId): Promise<number | undefined> {
  const { rows } = await sql<{ readonly at: number | null }>`
    select min(delete_at) as "at" from kms_key where account_id = ${accountId} and delete_at > ${now}
  `.execute(db);
  return rows[0]?.at ?? undefined;
}
