import { type EntityKind, ProtectedTable, type RowOf } from "@cinnabar/kernel";

const columns = { id: "text", status: "text", created_at: "integer" } as const;

export const accountTable = new ProtectedTable("account", { columns, identity: ["id"] });

type AccountSchema = { account: RowOf<typeof columns> };

/** An account, named by 16 digits. Nothing of a disabled account's is answered. */
export interface Account {
  readonly id: string;
  readonly isEnabled: boolean;
}

export const accountKind: EntityKind<Account> = {
  name: "account",
  capacity: 10_000,
  async load({ db, guard }, id) {
    const raw = await db
      .$extendTables<AccountSchema>()
      .selectFrom("account")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (raw === undefined) return undefined;
    const { row } = accountTable.verify(guard, raw);
    return { id: row.id, isEnabled: row.status === "Enabled" };
  },
};
