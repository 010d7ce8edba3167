import { type EntityReader, ProtectedTable, type RowChange, type RowOf, type Verified } from "@cinnabar/kernel";
import { storedStrings, unknownContent } from "./access-row.ts";
import { NamedEntities } from "./named-entities.ts";
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

export interface StoredNetworkRule extends NetworkRule {
  readonly stored: Verified<Row>;
}

export const networkRules = new NamedEntities<StoredNetworkRule>({
  kind: "network-rule",
  table: networkRuleTable.name,
  weigh: ({ stored: { row } }) => 2 * (row.sources.length + row.description.length),
  open: (guard, raw, asked) => toRule(networkRuleTable.verify(guard, raw, asked)),
});

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
