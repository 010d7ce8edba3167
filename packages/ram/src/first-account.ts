import {
  firstAccountKey,
  issueAccessKeyId,
  newAccessKeySecret,
  newAccountId,
  type RootKey,
  type RowChange,
  type RowGuard,
  sealAccessKeySecret,
} from "@cinnabar/kernel";
import type { Kysely } from "kysely";
import { accessKeyTable } from "./access-key.ts";
import { accountTable } from "./account.ts";

/** The first account of a deployment with an AccessKey of its root. */
export interface FirstAccount {
  readonly accountId: string;
  readonly accessKeyId: string;
  /** 30 ASCII characters. Cleared by the caller. */
  readonly secret: Buffer;
  /** Rows to be written in one transaction. */
  readonly rows: readonly RowChange[];
}

/** @param options.now - store time in milliseconds. */
export function firstAccount(options: {
  rootKey: RootKey;
  guard: RowGuard;
  db: Kysely<unknown>;
  now: number;
}): FirstAccount {
  const { rootKey, guard, db, now } = options;
  const accountId = newAccountId();
  const accessKeyId = issueAccessKeyId(rootKey.derive("accessKeyTag"));
  const secret = newAccessKeySecret();
  const wrappingKey = rootKey.derive("accessKeySecretWrap");
  return {
    accountId,
    accessKeyId,
    secret,
    rows: [
      accountTable.insert(guard, db, { id: accountId, status: "Enabled", created_at: now }),
      firstAccountKey({ rootKey, accountId, guard, db }),
      accessKeyTable.insert(guard, db, {
        id: accessKeyId,
        account_id: accountId,
        wrapped_secret: sealAccessKeySecret({ wrappingKey, accountId, accessKeyId, secret }),
        status: "Active",
        created_at: now,
      }),
    ],
  };
}
