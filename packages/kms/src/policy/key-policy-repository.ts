import { type EntityReader, parseId } from "@cinnabar/kernel";
import type { PolicySet } from "@cinnabar/policy";
import { type KeyRow, type KeySchema, keyTable, toInstanceId, toPolicy } from "../key/key-row.ts";
import type { Key } from "../key/key.ts";

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
  return rows.map((raw) => toReadPolicy(keyTable.verify(guard, raw, { account_id: accountId }).row));
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
    policies: wanted.map((raw) => toReadPolicy(keyTable.verify(guard, raw, { account_id: accountId }).row)),
    next: rows.length < limit ? undefined : rows.at(-1)?.id,
  };
}

function toReadPolicy(row: KeyRow): ReadKeyPolicy {
  const accountId = parseId("Account", row.account_id);
  return { keyId: row.id, accountId, instanceId: toInstanceId(row), policy: toPolicy(row)?.statements };
}
