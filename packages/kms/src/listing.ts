import type { RequestContext } from "@cinnabar/kernel";
import { type RawBuilder, sql } from "kysely";
import type { Page } from "./parameters/page.ts";

interface ListedRow {
  readonly total: number;
  /** Store times of the account's last deletion that was due, and of the next one. */
  readonly last_deletion: number | null;
  readonly next_deletion: number | null;
  /** Null where a page is empty: its one row has only what is above. */
  readonly mac: Uint8Array | null;
}

/**
 * Reads a page of the caller's own keys or aliases and the number of all of them, in one statement, so that both are
 * of the same moment. The oldest come first: what is made while somebody turns the pages does not move them. The
 * answer holds between two deletions of keys.
 *
 * @param list.entries - the FROM clause and all that belongs to it, of one protected table.
 * @param list.thenBy - the column that orders what was made in the same millisecond.
 */
export async function readPage(
  context: RequestContext,
  list: { readonly page: Page; readonly entries: RawBuilder<unknown>; readonly thenBy: string },
): Promise<{ readonly rows: readonly object[]; readonly total: number }> {
  const { page, entries } = list;
  const { now, principal } = context;
  const thenBy = sql.ref(list.thenBy);
  const deletions = sql`from kms_key where account_id = ${principal.accountId} and delete_at`;
  const { rows } = await sql<ListedRow>`
    select head.total, head.last_deletion, head.next_deletion, listed.*
    from (
      select
        (select count(*) ${entries}) as total,
        (select max(delete_at) ${deletions} <= ${now}) as last_deletion,
        (select min(delete_at) ${deletions} > ${now}) as next_deletion
    ) as head
    left join (
      select * ${entries} order by created_at, ${thenBy} limit ${page.size} offset ${(page.number - 1) * page.size}
    ) as listed on 1 = 1
    order by listed.created_at, listed.${thenBy}
  `.execute(context.db);
  const [head] = rows;
  if (head === undefined) throw new RangeError("a list's head is always one row");
  if (head.last_deletion !== null) context.holdsFrom(head.last_deletion);
  if (head.next_deletion !== null) context.holdsUntil(head.next_deletion);
  return { rows: rows.filter(({ mac }) => mac !== null), total: head.total };
}
