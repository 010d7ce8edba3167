import {
  type AccessKeyId,
  type AccountId,
  type AccountKeys,
  type DeploymentKeys,
  issueAccessKeyId,
  newAccessKeySecret,
  type RowChange,
  type RowGuard,
  sealAccessKeySecret,
  type UserId,
} from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { accessKeyTable } from "./access-key-repository.ts";

/** An AccessKey that the store does not know yet. */
export interface NewAccessKey {
  readonly accountId: AccountId;
  readonly accessKeyId: AccessKeyId;
  /** The user that it is made for; left out, the account's root. */
  readonly userId?: UserId | undefined;
  /** 30 ASCII characters. Cleared by the caller. */
  readonly secret: Buffer;
}

/** What a new row is made with. */
export interface RowMaker {
  readonly keys: DeploymentKeys;
  readonly guard: RowGuard;
  readonly db: Kysely<unknown>;
  /** Store time in milliseconds since 1970. */
  readonly now: number;
}

/** Makes an AccessKey for the root of an account, or for one of its users. */
export function newAccessKey(keys: DeploymentKeys, accountId: AccountId, userId?: UserId): NewAccessKey {
  return { accountId, userId, accessKeyId: issueAccessKeyId(keys.accessKeyTag), secret: newAccessKeySecret() };
}

/** The row of a new AccessKey, its secret wrapped under the account's current key. */
export function insertAccessKey(
  { guard, db, now }: Omit<RowMaker, "keys">,
  { accountId, accessKeyId, userId, secret }: NewAccessKey,
  { version, key: wrappingKey }: AccountKeys["current"],
): RowChange {
  return accessKeyTable.insert(guard, db, {
    id: accessKeyId,
    account_id: accountId,
    wrapped_secret: sealAccessKeySecret({ wrappingKey, accountId, accessKeyId, secret }),
    status: "Active",
    created_at: now,
    account_key_version: version,
    user_id: userId ?? null,
  });
}
