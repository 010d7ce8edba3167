import { type EntityReader, ProtectedTable, type RowChange, type RowOf, type Verified } from "@cinnabar/kernel";
import { type AccessPoint, AUTHENTICATION_METHODS } from "./access-point.ts";
import { type AccessPlace, encodeReferences, storedReferences, unknownContent } from "./access-row.ts";
import { NamedEntities } from "./named-entities.ts";

const columns = {
  account_id: "text",
  name: "text",
  incarnation: "text",
  authentication_method: "text",
  /** In JSON. */
  policies: "text",
  description: "text",
  created_at: "integer",
} as const;

export const accessPointTable = new ProtectedTable("access_point", { columns, identity: ["account_id", "name"] });

type Row = RowOf<typeof columns>;

export interface StoredAccessPoint extends AccessPoint {
  readonly stored: Verified<Row>;
}

export const accessPoints = new NamedEntities<StoredAccessPoint>({
  kind: "access-point",
  table: accessPointTable.name,
  weigh: ({ stored: { row } }) => 2 * (row.policies.length + row.description.length),
  open: (guard, raw, asked) => toAccessPoint(accessPointTable.verify(guard, raw, asked)),
});

export function insertAccessPoint({ guard, db }: EntityReader, accessPoint: AccessPoint): RowChange {
  return accessPointTable.insert(guard, db, {
    account_id: accessPoint.accountId,
    name: accessPoint.name,
    incarnation: accessPoint.incarnation,
    authentication_method: accessPoint.authenticationMethod,
    policies: encodeReferences(accessPoint.policies),
    description: accessPoint.description,
    created_at: accessPoint.createdAt,
  });
}

export function changeAccessPoint(
  { guard, db }: EntityReader,
  { stored }: StoredAccessPoint,
  { policies, description }: Pick<AccessPoint, "policies" | "description">,
): RowChange {
  const row = { ...stored.row, policies: encodeReferences(policies), description };
  return accessPointTable.update(guard, db, stored, row);
}

export function deleteAccessPointRow({ guard, db }: EntityReader, { stored }: StoredAccessPoint): RowChange {
  return accessPointTable.delete(guard, db, stored);
}

/** Whether an access point of its account names the policy. Reads all of the account's access points. */
export async function isPolicyNamed(reader: EntityReader, { accountId, name }: AccessPlace): Promise<boolean> {
  const points = await accessPoints.all(reader, accountId);
  return points.some(({ policies }) => policies.some((policy) => policy.name === name));
}

function toAccessPoint(stored: Verified<Row>): StoredAccessPoint {
  const { row } = stored;
  const authenticationMethod = AUTHENTICATION_METHODS.find((known) => known === row.authentication_method);
  if (authenticationMethod === undefined) throw unknownContent("access_point");
  return {
    accountId: row.account_id,
    name: row.name,
    incarnation: row.incarnation,
    authenticationMethod,
    policies: storedReferences("access_point", row.policies),
    description: row.description,
    createdAt: row.created_at,
    stored,
  };
}
