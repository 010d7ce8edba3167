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
import { type AccessPoint, AUTHENTICATION_METHODS } from "./access-point.ts";
import {
  type AccessPlace,
  accessEntityId,
  encodeReferences,
  placeOf,
  storedReferences,
  unknownContent,
} from "./access-row.ts";

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
type Schema = { access_point: Row };

export interface StoredAccessPoint extends AccessPoint {
  readonly stored: Verified<Row>;
}

const CACHED_ACCESS_POINTS = 10_000;

const accessPointKind: EntityKind<StoredAccessPoint> = {
  name: "access-point",
  capacity: CACHED_ACCESS_POINTS,
  weigh: ({ stored: { row } }) => 2 * (row.policies.length + row.description.length),
  async load({ db, guard }, id) {
    const { accountId, name } = placeOf(id);
    const raw = await db
      .$extendTables<Schema>()
      .selectFrom("access_point")
      .selectAll()
      .where("account_id", "=", accountId)
      .where("name", "=", name)
      .executeTakeFirst();
    return raw && toAccessPoint(accessPointTable.verify(guard, raw));
  },
};

export function findAccessPoint(
  finder: EntityFinder,
  place: AccessPlace,
): StoredAccessPoint | undefined | Promise<StoredAccessPoint | undefined> {
  return finder.find(accessPointKind, accessEntityId(place));
}

export function touchedAccessPoint(place: AccessPlace): Touched {
  return { kind: accessPointKind, id: accessEntityId(place) };
}

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

/** A page of the caller's account's access points, the oldest first. */
export async function listAccessPoints(
  context: RequestContext,
  page: Page,
): Promise<{ readonly accessPoints: readonly AccessPoint[]; readonly total: number }> {
  const entries = sql`from access_point where account_id = ${context.principal.accountId}`;
  const { rows, total } = await readPage(context, { page, entries, thenBy: "name" });
  return { accessPoints: rows.map((raw) => toAccessPoint(accessPointTable.verify(context.guard, raw))), total };
}

/** Whether an access point of its account names the policy. Reads all of the account's access points. */
export async function isPolicyNamed({ db, guard }: EntityReader, { accountId, name }: AccessPlace): Promise<boolean> {
  const rows = await db
    .$extendTables<Schema>()
    .selectFrom("access_point")
    .selectAll()
    .where("account_id", "=", accountId)
    .execute();
  return rows.some((raw) =>
    toAccessPoint(accessPointTable.verify(guard, raw)).policies.some((policy) => policy.name === name),
  );
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
