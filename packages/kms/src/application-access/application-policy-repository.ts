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
import {
  type AccessPlace,
  accessEntityId,
  encodeReferences,
  placeOf,
  storedReferences,
  storedStrings,
  unknownContent,
} from "./access-row.ts";
import { type ApplicationPolicy, type Permission, PERMISSIONS } from "./application-policy.ts";

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
type Schema = { application_policy: Row };

export interface StoredApplicationPolicy extends ApplicationPolicy {
  readonly stored: Verified<Row>;
}

const CACHED_POLICIES = 10_000;

const applicationPolicyKind: EntityKind<StoredApplicationPolicy> = {
  name: "application-policy",
  capacity: CACHED_POLICIES,
  weigh: ({ stored: { row } }) => 2 * (row.resources.length + row.network_rules.length + row.description.length),
  async load({ db, guard }, id) {
    const { accountId, name } = placeOf(id);
    const raw = await db
      .$extendTables<Schema>()
      .selectFrom("application_policy")
      .selectAll()
      .where("account_id", "=", accountId)
      .where("name", "=", name)
      .executeTakeFirst();
    return raw && toPolicy(applicationPolicyTable.verify(guard, raw));
  },
};

export function findApplicationPolicy(
  finder: EntityFinder,
  place: AccessPlace,
): StoredApplicationPolicy | undefined | Promise<StoredApplicationPolicy | undefined> {
  return finder.find(applicationPolicyKind, accessEntityId(place));
}

export function touchedApplicationPolicy(place: AccessPlace): Touched {
  return { kind: applicationPolicyKind, id: accessEntityId(place) };
}

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

/** A page of the caller's account's policies, the oldest first. */
export async function listApplicationPolicies(
  context: RequestContext,
  page: Page,
): Promise<{ readonly policies: readonly ApplicationPolicy[]; readonly total: number }> {
  const entries = sql`from application_policy where account_id = ${context.principal.accountId}`;
  const { rows, total } = await readPage(context, { page, entries, thenBy: "name" });
  return { policies: rows.map((raw) => toPolicy(applicationPolicyTable.verify(context.guard, raw))), total };
}

/** Whether a policy of its account names the network rule. Reads all of the account's policies. */
export async function isRuleNamed({ db, guard }: EntityReader, { accountId, name }: AccessPlace): Promise<boolean> {
  const rows = await db
    .$extendTables<Schema>()
    .selectFrom("application_policy")
    .selectAll()
    .where("account_id", "=", accountId)
    .execute();
  return rows.some((raw) =>
    toPolicy(applicationPolicyTable.verify(guard, raw)).networkRules.some((rule) => rule.name === name),
  );
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
