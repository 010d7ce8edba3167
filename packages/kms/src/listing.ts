import type { RequestContext } from "@cinnabar/kernel";
import { type RawBuilder, sql } from "kysely";
import type { Page } from "./parameters/page.ts";

/** Store times of the last deletion of one of the account's keys that was due, and of the next one. */
export interface DeletionTimes {
  readonly last_deletion: number | null;
  readonly next_deletion: number | null;
}

interface ListedRow extends DeletionTimes {
  readonly total: number;
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
 * @param list.owned - the keys that the list is about, as a condition; left out, the caller's own.
 */
export async function readPage(
  context: RequestContext,
  list: {
    readonly page: Page;
    readonly entries: RawBuilder<unknown>;
    readonly thenBy: string;
    readonly owned?: RawBuilder<unknown>;
  },
): Promise<{ readonly rows: readonly object[]; readonly total: number }> {
  const { page, entries } = list;
  const thenBy = sql.ref(list.thenBy);
  const { rows } = await sql<ListedRow>`
    select head.total, head.last_deletion, head.next_deletion, listed.*
    from (
      select
        (select count(*) ${entries}) as total,
        ${deletionTimes(context, list.owned)}
    ) as head
    left join (
      select * ${entries} order by created_at, ${thenBy} limit ${page.size} offset ${(page.number - 1) * page.size}
    ) as listed on 1 = 1
    order by listed.created_at, listed.${thenBy}
  `.execute(context.db);
  const [head] = rows;
  return { rows: rows.filter(({ mac }) => mac !== null), total: holdBetween(context, head).total };
}

/** The keys that an account names by their ids, as a condition: its own, and those that others made in its instances. */
export function keysOf(accountId: string): RawBuilder<unknown> {
  return sql`(account_id = ${accountId} or instance_id in (select id from kms_instance where account_id = ${accountId}))`;
}

/** The columns of {@link DeletionTimes}, for the one row that every list's statement begins with. */
export function deletionTimes(
  { now, principal }: RequestContext,
  owned: RawBuilder<unknown> = sql`account_id = ${principal.accountId}`,
): RawBuilder<unknown> {
  const deletions = sql`from kms_key where ${owned} and delete_at`;
  return sql`
    (select max(delete_at) ${deletions} <= ${now}) as last_deletion,
    (select min(delete_at) ${deletions} > ${now}) as next_deletion
  `;
}

/** Bounds the time in which a list's answer holds, and gives the row that was looked at. */
export function holdBetween<Head extends DeletionTimes>(context: RequestContext, head: Head | undefined): Head {
  if (head === undefined) throw new RangeError("a list's head is always one row");
  if (head.last_deletion !== null) context.holdsFrom(head.last_deletion);
  if (head.next_deletion !== null) context.holdsUntil(head.next_deletion);
  return head;
}
