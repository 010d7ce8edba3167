import {
  type AccountId,
  type EntityFinder,
  type EntityKind,
  type EntityReader,
  type InstanceId,
  isId,
  parseId,
  ProtectedTable,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { sql } from "kysely";
import { z } from "zod";
import type { Instance, InstanceNetwork } from "./instance.ts";
import { listSharedIds, listSharers } from "./instance-access-repository.ts";
import type { Vpc } from "./vpc.ts";

const columns = {
  id: "text",
  account_id: "text",
  type: "text",
  /** The keystore that does its cryptography. */
  keystore: "text",
  state: "text",
  name: "text",
  created_at: "integer",
  connected_at: "integer?",
  key_quota: "integer",
  secret_quota: "integer",
  qps_quota: "integer",
  access_quota: "integer",
  /** What it was said to stand in, in JSON; null if nobody said so. */
  network: "text?",
  /** In JSON; null for none. */
  bound_vpcs: "text?",
  /** 1 for the account's default one. */
  is_default: "integer?",
  /** The protection's description; null without protection. */
  deletion_protection: "text?",
} as const;

export const instanceTable = new ProtectedTable("kms_instance", { columns, identity: ["id"] });

type InstanceRow = RowOf<typeof columns>;
type InstanceSchema = { kms_instance: InstanceRow };

/** An instance, and with whom it is shared. */
export interface StoredInstance extends Instance {
  /** The accounts that may make keys in it beside its owner, and use those. */
  readonly sharedWith: ReadonlySet<string>;
  readonly stored: Verified<InstanceRow>;
}

const CACHED_INSTANCES = 5_000;

/** Instances by id. */
export const instanceKind: EntityKind<StoredInstance> = {
  name: "kms-instance",
  capacity: CACHED_INSTANCES,
  async load(reader, id) {
    if (!isId("Instance", id)) return undefined;
    const raw = await selectInstances(reader).where("id", "=", id).executeTakeFirst();
    return raw && toStoredInstance(instanceTable.verify(reader.guard, raw, { id }), await listSharers(reader, id));
  },
};

/** What a change of the instance, or of whom it is shared with, makes others forget. */
export function touchedInstance(id: InstanceId): Touched {
  return { kind: instanceKind, id };
}

export function insertInstance({ guard, db }: EntityReader, instance: Instance): RowChange {
  return instanceTable.insert(guard, db, toRow(instance));
}

/** Changes an instance; it keeps its id. */
export function changeInstance({ guard, db }: EntityReader, old: StoredInstance, next: Partial<Instance>): RowChange {
  return instanceTable.update(guard, db, old.stored, { ...old.stored.row, ...toRow({ ...old, ...next }) });
}

export function deleteInstanceRow({ guard, db }: EntityReader, { stored }: StoredInstance): RowChange {
  return instanceTable.delete(guard, db, stored);
}

/** The instances of an account, or of all, the oldest first, without what they are shared with. */
export async function listInstances(
  { db, guard }: EntityReader,
  { accountId }: { readonly accountId?: AccountId | undefined } = {},
): Promise<readonly Omit<StoredInstance, "sharedWith">[]> {
  const all = selectInstances({ db, guard });
  const rows = await (accountId === undefined ? all : all.where("account_id", "=", accountId))
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map((raw) => toStoredInstance(instanceTable.verify(guard, raw), new Set()));
}

/** The instances that an account owns, and those that are shared with it, the oldest first. */
export async function listOpenInstances(
  reader: EntityReader & EntityFinder,
  accountId: string,
): Promise<readonly StoredInstance[]> {
  const rows = await reader.db
    .$extendTables<InstanceSchema>()
    .selectFrom("kms_instance")
    .select("id")
    .where("account_id", "=", accountId)
    .execute();
  const ids = new Set([...rows.map(({ id }) => id), ...(await listSharedIds(reader, accountId))]);
  const found = await Promise.all([...ids].map(async (id) => reader.find(instanceKind, id)));
  return found
    .filter((instance) => instance !== undefined)
    .toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

export async function findDefaultInstance(
  reader: EntityReader,
  accountId: string,
): Promise<Omit<StoredInstance, "sharedWith"> | undefined> {
  const raw = await selectInstances(reader)
    .where("account_id", "=", accountId)
    .where("is_default", "=", 1)
    .executeTakeFirst();
  const asked = { account_id: accountId, is_default: 1 };
  return raw && toStoredInstance(instanceTable.verify(reader.guard, raw, asked), new Set());
}

/** How many keys are in the instance, also such as only wait to be destroyed, and how many of these its owner did not make. */
export async function countKeysIn(
  { db }: Pick<EntityReader, "db">,
  { id, accountId }: Pick<Instance, "id" | "accountId">,
): Promise<{ readonly all: number; readonly ofGuests: number }> {
  const { rows } = await sql<{ isOwn: number; keys: number | bigint | string }>`
    select case when account_id = ${accountId} then 1 else 0 end as "isOwn", count(*) as keys
    from kms_key where instance_id = ${id} group by 1
  `.execute(db);
  const of = (isOwn: number): number => Number(rows.find((row) => row.isOwn === isOwn)?.keys ?? 0);
  return { all: of(1) + of(0), ofGuests: of(0) };
}

function selectInstances({ db }: EntityReader) {
  return db.$extendTables<InstanceSchema>().selectFrom("kms_instance").selectAll();
}

function toRow(instance: Instance): InstanceRow {
  const { quotas, network, boundVpcs } = instance;
  return {
    id: instance.id,
    account_id: instance.accountId,
    type: instance.type,
    keystore: instance.type,
    state: instance.state,
    name: instance.name,
    created_at: instance.createdAt,
    connected_at: instance.connectedAt ?? null,
    key_quota: quotas.keys,
    secret_quota: quotas.secrets,
    qps_quota: quotas.qps,
    access_quota: quotas.access,
    network: network === undefined ? null : JSON.stringify(network),
    bound_vpcs: boundVpcs.length === 0 ? null : JSON.stringify(boundVpcs),
    is_default: instance.isDefault ? 1 : null,
    deletion_protection: instance.deletionProtection?.description ?? null,
  };
}

function toStoredInstance(stored: Verified<InstanceRow>, sharedWith: ReadonlySet<string>): StoredInstance {
  const { row } = stored;
  return {
    id: parseId("Instance", row.id),
    accountId: parseId("Account", row.account_id),
    type: toType(row.type),
    state: toState(row.state),
    name: row.name,
    createdAt: row.created_at,
    connectedAt: row.connected_at ?? undefined,
    quotas: { keys: row.key_quota, secrets: row.secret_quota, qps: row.qps_quota, access: row.access_quota },
    network: row.network === null ? undefined : toNetwork(row.network),
    boundVpcs: row.bound_vpcs === null ? [] : toVpcs(row.bound_vpcs),
    isDefault: row.is_default === 1,
    deletionProtection: row.deletion_protection === null ? undefined : { description: row.deletion_protection },
    sharedWith,
    stored,
  };
}

const storedNetwork = z.object({ vpcId: z.string(), zoneIds: z.array(z.string()), vSwitchIds: z.array(z.string()) });
const storedVpcs = z.array(
  z.object({ vpcId: z.string(), vSwitchId: z.string(), regionId: z.string(), ownerId: z.string() }),
);

function toNetwork(json: string): InstanceNetwork {
  return storedNetwork.parse(JSON.parse(json));
}

function toVpcs(json: string): readonly Vpc[] {
  return storedVpcs.parse(JSON.parse(json));
}

function toType(text: string): Instance["type"] {
  if (text === "software" || text === "hardware") return text;
  throw unknownContent();
}

function toState(text: string): Instance["state"] {
  if (text === "Uninitialized" || text === "Connected") return text;
  throw unknownContent();
}

/** The row's MAC holds, so this server wrote it, but not this version of it. */
function unknownContent(): RangeError {
  return new RangeError("kms_instance: a row holds a value that this version does not know");
}
