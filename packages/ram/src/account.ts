import { type EntityKind, type EntityReader, ProtectedTable, type RowOf, type Verified } from "@cinnabar/kernel";

const columns = {
  id: "text",
  /** `Enabled` or `Disabled`. */
  status: "text",
  created_at: "integer",
} as const;

export const accountTable = new ProtectedTable("account", { columns, identity: ["id"] });

type AccountSchema = { account: RowOf<typeof columns> };

/** An account, named by 16 digits. Nothing of a disabled account's is answered. */
export interface Account {
  readonly id: string;
  readonly isEnabled: boolean;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  /** Its row, for whoever changes it. */
  readonly stored: Verified<RowOf<typeof columns>>;
}

export const accountKind: EntityKind<Account> = {
  name: "account",
  capacity: 10_000,
  async load(reader, id) {
    const raw = await selectAccounts(reader).where("id", "=", id).executeTakeFirst();
    return raw === undefined ? undefined : toAccount(reader, raw);
  },
};

/** Every account, the oldest first. */
export async function listAccounts(reader: EntityReader): Promise<Account[]> {
  const rows = await selectAccounts(reader).orderBy("created_at").orderBy("id").execute();
  return rows.map((raw) => toAccount(reader, raw));
}

function selectAccounts({ db }: EntityReader) {
  return db.$extendTables<AccountSchema>().selectFrom("account").selectAll();
}

function toAccount({ guard }: EntityReader, raw: object): Account {
  const stored = accountTable.verify(guard, raw);
  const { id, status, created_at: createdAt } = stored.row;
  return { id, isEnabled: status === "Enabled", createdAt, stored };
}
