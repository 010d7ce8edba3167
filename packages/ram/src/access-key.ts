import type { KeyObject } from "node:crypto";
import { type EntityKind, openAccessKeySecret, parseId, ProtectedTable, type RowOf } from "@cinnabar/kernel";
import { SigningSecret } from "@cinnabar/rpc";

const columns = {
  id: "text",
  account_id: "text",
  wrapped_secret: "bytes",
  /** `Active` or `Inactive`, as RAM writes it. */
  status: "text",
  created_at: "integer",
} as const;

export const accessKeyTable = new ProtectedTable("access_key", { columns, identity: ["id"] });

type AccessKeySchema = { access_key: RowOf<typeof columns> };

/** An AccessKey, its secret open for verifying signatures. */
export interface AccessKey {
  readonly id: string;
  readonly accountId: string;
  readonly isActive: boolean;
  readonly secret: SigningSecret;
}

/** AccessKeys as entities, their secrets unwrapped under `wrappingKey`. */
export function accessKeyKind(wrappingKey: KeyObject): EntityKind<AccessKey> {
  return {
    name: "access-key",
    capacity: 10_000,
    async load({ db, guard }, id) {
      const raw = await db
        .$extendTables<AccessKeySchema>()
        .selectFrom("access_key")
        .selectAll()
        .where("id", "=", id)
        .executeTakeFirst();
      if (raw === undefined) return undefined;
      const { row } = accessKeyTable.verify(guard, raw);
      const secret = openAccessKeySecret({
        wrappingKey,
        accountId: parseId("Account", row.account_id),
        accessKeyId: parseId("AccessKey", row.id),
        wrapped: row.wrapped_secret,
      });
      try {
        return {
          id: row.id,
          accountId: row.account_id,
          isActive: row.status === "Active",
          secret: new SigningSecret(secret),
        };
      } finally {
        secret.fill(0);
      }
    },
  };
}
