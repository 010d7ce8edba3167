import { type EntityReader, ProtectedTable, type RowChange, type RowOf, type Verified } from "@cinnabar/kernel";
import { type AccessPlace, encodeReferences, storedReferences, storedStrings, unknownContent } from "./access-row.ts";
import { type ApplicationPolicy, type Permission, PERMISSIONS } from "./application-policy.ts";
import { NamedEntities } from "./named-entities.ts";

const columns = {
  account_id: "text",
  name: "text",
  incarnation: "text",
  /** Null for the keys that name no instance. */
  instance_id: "text?",
  /** These three in JSON. */
  permissions: "text",
  resources: "text",
  network_rules: "text",
  description: "text",
  created_at: "integer",
} as const;

export const applicationPolicyTable = new ProtectedTable("application_policy", {
  columns,
  identity: ["account_id", "name"],
});

type Row = RowOf<typeof columns>;

export interface StoredApplicationPolicy extends ApplicationPolicy {
  readonly stored: Verified<Row>;
}

export const applicationPolicies = new NamedEntities<StoredApplicationPolicy>({
  kind: "application-policy",
  table: applicationPolicyTable.name,
  weigh: ({ stored: { row } }) => 2 * (row.resources.length + row.network_rules.length + row.description.length),
  open: (guard, raw, asked) => toPolicy(applicationPolicyTable.verify(guard, raw, asked)),
});

export function insertApplicationPolicy({ guard, db }: EntityReader, policy: ApplicationPolicy): RowChange {
  return applicationPolicyTable.insert(guard, db, {
    account_id: policy.accountId,
    name: policy.name,
    incarnation: policy.incarnation,
    instance_id: policy.instanceId ?? null,
    description: policy.description,
    created_at: policy.createdAt,
    ...toContent(policy),
  });
}

export function changeApplicationPolicy(
  { guard, db }: EntityReader,
  { stored }: StoredApplicationPolicy,
  next: Pick<ApplicationPolicy, "permissions" | "resources" | "networkRules" | "description">,
): RowChange {
  const row = { ...stored.row, ...toContent(next), description: next.description };
  return applicationPolicyTable.update(guard, db, stored, row);
}

export function deleteApplicationPolicyRow(
  { guard, db }: EntityReader,
  { stored }: StoredApplicationPolicy,
): RowChange {
  return applicationPolicyTable.delete(guard, db, stored);
}

/** Whether a policy of its account names the network rule. Reads all of the account's policies. */
export async function isRuleNamed(reader: EntityReader, { accountId, name }: AccessPlace): Promise<boolean> {
  const policies = await applicationPolicies.all(reader, accountId);
  return policies.some(({ networkRules }) => networkRules.some((rule) => rule.name === name));
}

function toContent({
  permissions,
  resources,
  networkRules,
}: Pick<ApplicationPolicy, "permissions" | "resources" | "networkRules">): Pick<
  Row,
  "permissions" | "resources" | "network_rules"
> {
  return {
    permissions: JSON.stringify(permissions),
    resources: JSON.stringify(resources),
    network_rules: encodeReferences(networkRules),
  };
}

function toPolicy(stored: Verified<Row>): StoredApplicationPolicy {
  const { row } = stored;
  return {
    accountId: row.account_id,
    name: row.name,
    incarnation: row.incarnation,
    instanceId: row.instance_id ?? undefined,
    permissions: storedStrings("application_policy", row.permissions).map(toPermission),
    resources: storedStrings("application_policy", row.resources),
    networkRules: storedReferences("application_policy", row.network_rules),
    description: row.description,
    createdAt: row.created_at,
    stored,
  };
}

function toPermission(text: string): Permission {
  const permission = PERMISSIONS.find((known) => known === text);
  if (permission === undefined) throw unknownContent("application_policy");
  return permission;
}
