import { type EntityReader, ProtectedTable, type RowChange, type RowOf, TamperedRowError } from "@cinnabar/kernel";
import { sql } from "kysely";

const columns = {
  /** A key's id, or an account's and the version of its key, such as `1234567890123456/2`. */
  subject: "text",
  kind: "text",
  account_id: "text",
  /** Of an account key its version; of a key the latest version that wrapped any of its material. */
  account_key_version: "integer",
  destroyed_at: "integer",
  /** The signed note. */
  certificate: "text",
} as const;

/**
 * What was destroyed: one row for ever for each, with its certificate and without anything of its material. No answer
 * of the API depends on it: a destroyed key is as unknown as one that never was.
 */
export const destructionTable = new ProtectedTable("destruction", { columns, identity: ["subject"] });

export type DestructionRow = Omit<RowOf<typeof columns>, "kind"> & { readonly kind: "key" | "account-key" };

export function insertDestruction({ guard, db }: EntityReader, row: DestructionRow): RowChange {
  return destructionTable.insert(guard, db, row);
}

/**
 * To be asked before something is destroyed.
 *
 * @param options.table - where it is now.
 * @throws TamperedRowError if it was destroyed before: somebody has put its row back since.
 */
export async function assertNotDestroyed(
  { guard, db }: EntityReader,
  { subject, table }: { readonly subject: string; readonly table: string },
): Promise<void> {
  const { rows } = await sql<object>`select * from destruction where subject = ${subject}`.execute(db);
  for (const raw of rows) {
    destructionTable.verify(guard, raw, { subject });
    throw new TamperedRowError(table, `${subject} was destroyed, and its row put back since`);
  }
}
