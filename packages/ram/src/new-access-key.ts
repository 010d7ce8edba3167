import {
  type AccessKeyId,
  type AccountId,
  issueAccessKeyId,
  newAccessKeySecret,
  type RootKey,
  type RowChange,
  type RowGuard,
  sealAccessKeySecret,
} from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { accessKeyTable } from "./access-key.ts";

/** An AccessKey of an account's root that the store does not know yet. */
export interface NewAccessKey {
  readonly accountId: AccountId;
  readonly accessKeyId: AccessKeyId;
  /** 30 ASCII characters. Cleared by the caller. */
  readonly secret: Buffer;
  /** Rows to be written in one transaction. */
  readonly rows: readonly RowChange[];
}

/** What a new row is made with. */
export interface RowMaker {
  readonly rootKey: RootKey;
  readonly guard: RowGuard;
  readonly db: Kysely<unknown>;
  /** Store time in milliseconds since 1970. */
  readonly now: number;
}

/** Makes an AccessKey for the root of an account. */
export function newAccessKey({ rootKey, guard, db, now }: RowMaker, accountId: AccountId): NewAccessKey {
  const accessKeyId = issueAccessKeyId(rootKey.derive("accessKeyTag"));
  const secret = newAccessKeySecret();
  const wrappingKey = rootKey.derive("accessKeySecretWrap");
  const row = accessKeyTable.insert(guard, db, {
    id: accessKeyId,
    account_id: accountId,
    wrapped_secret: sealAccessKeySecret({ wrappingKey, accountId, accessKeyId, secret }),
    status: "Active",
    created_at: now,
  });
  return { accountId, accessKeyId, secret, rows: [row] };
}
