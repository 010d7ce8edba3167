import {
  type EntityFinder,
  type EntityKind,
  type EntityReader,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { sql } from "kysely";
import { readPage } from "../listing.ts";
import type { Page } from "../parameters/page.ts";
import { type AccessPlace, accessEntityId, placeOf, storedStrings, unknownContent } from "./access-row.ts";
import { NETWORK_TYPES, type NetworkRule } from "./network-rule.ts";

const columns = {
  account_id: "text",
  name: "text",
  incarnation: "text",
  type: "text",
  /** In JSON. */
  sources: "text",
  description: "text",
  created_at: "integer",
} as const;

export const networkRuleTable = new ProtectedTable("network_rule", { columns, identity: ["account_id", "name"] });

type Row = RowOf<typeof columns>;
type Schema = { network_rule: Row };

export interface StoredNetworkRule extends NetworkRule {
  readonly stored: Verified<Row>;
}

const CACHED_RULES = 10_000;

const networkRuleKind: EntityKind<StoredNetworkRule> = {
  name: "network-rule",
  capacity: CACHED_RULES,
  weigh: ({ stored: { row } }) => 2 * (row.sources.length + row.description.length),
  async load({ db, guard }, id) {
    const { accountId, name } = placeOf(id);
    const raw = await db
      .$extendTables<Schema>()
      .selectFrom("network_rule")
      .selectAll()
      .where("account_id", "=", accountId)
      .where("name", "=", name)
      .executeTakeFirst();
    return raw && toRule(networkRuleTable.verify(guard, raw));
  },
};

export function findNetworkRule(
  finder: EntityFinder,
  place: AccessPlace,
): StoredNetworkRule | undefined | Promise<StoredNetworkRule | undefined> {
  return finder.find(networkRuleKind, accessEntityId(place));
}

export function touchedNetworkRule(place: AccessPlace): Touched {
  return { kind: networkRuleKind, id: accessEntityId(place) };
}

export function insertNetworkRule({ guard, db }: EntityReader, rule: NetworkRule): RowChange {
  return networkRuleTable.insert(guard, db, {
    account_id: rule.accountId,
    name: rule.name,
    incarnation: rule.incarnation,
    type: rule.type,
    sources: JSON.stringify(rule.sources),
    description: rule.description,
    created_at: rule.createdAt,
  });
}

export function changeNetworkRule(
  { guard, db }: EntityReader,
  { stored }: StoredNetworkRule,
  { sources, description }: Pick<NetworkRule, "sources" | "description">,
): RowChange {
  return networkRuleTable.update(guard, db, stored, { ...stored.row, sources: JSON.stringify(sources), description });
}

export function deleteNetworkRuleRow({ guard, db }: EntityReader, { stored }: StoredNetworkRule): RowChange {
  return networkRuleTable.delete(guard, db, stored);
}

/** A page of the caller's account's network rules, the oldest first. */
export async function listNetworkRulesPage(
  context: RequestContext,
  page: Page,
): Promise<{ readonly rules: readonly NetworkRule[]; readonly total: number }> {
  const entries = sql`from network_rule where account_id = ${context.principal.accountId}`;
  const { rows, total } = await readPage(context, { page, entries, thenBy: "name" });
  return { rules: rows.map((raw) => toRule(networkRuleTable.verify(context.guard, raw))), total };
}

function toRule(stored: Verified<Row>): StoredNetworkRule {
  const { row } = stored;
  const type = NETWORK_TYPES.find((known) => known === row.type);
  if (type === undefined) throw unknownContent("network_rule");
  return {
    accountId: row.account_id,
    name: row.name,
    incarnation: row.incarnation,
    type,
    sources: storedStrings("network_rule", row.sources),
    description: row.description,
    createdAt: row.created_at,
    stored,
  };
}
