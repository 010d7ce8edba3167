import {
  type EntityKind,
  type EntityReader,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  TamperedRowError,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { type CompiledPolicy, compilePolicy, parsePolicy } from "@cinnabar/policy";
import { CompiledDocuments } from "./compiled-documents.ts";
import { toVersionId } from "./policy-version-id.ts";

const policyColumns = {
  account_id: "text",
  name: "text",
  description: "text",
  default_version: "integer",
  /** The greatest number that a version was given, deleted ones included. */
  last_version: "integer",
  created_at: "integer",
  updated_at: "integer",
} as const;

const versionColumns = {
  account_id: "text",
  policy_name: "text",
  version: "integer",
  document: "text",
  created_at: "integer",
} as const;

export const policyTable = new ProtectedTable("ram_policy", {
  columns: policyColumns,
  identity: ["account_id", "name"],
});
export const policyVersionTable = new ProtectedTable("ram_policy_version", {
  columns: versionColumns,
  identity: ["account_id", "policy_name", "version"],
});

type PolicyRow = RowOf<typeof policyColumns>;
type VersionRow = RowOf<typeof versionColumns>;
type PolicySchema = { ram_policy: PolicyRow; ram_policy_version: VersionRow };

/** Names a custom policy. */
export interface PolicyPlace {
  readonly accountId: string;
  readonly name: string;
}

/** A custom policy without what it says. */
export interface StoredPolicy extends PolicyPlace {
  readonly description: string;
  readonly defaultVersion: number;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly stored: Verified<PolicyRow>;
}

/** One version of a custom policy. */
export interface StoredPolicyVersion {
  readonly version: number;
  readonly document: string;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly stored: Verified<VersionRow>;
}

/** What a custom policy says now: its default version. */
export interface EffectivePolicy {
  readonly compiled: CompiledPolicy;
}

const CACHED_POLICIES = 5_000;

/** Custom policies in force, by {@link policyEntityId}. */
export const policyKind: EntityKind<EffectivePolicy> = {
  name: "ram-policy",
  capacity: CACHED_POLICIES,
  weigh: ({ compiled }) => compiled.bytes,
  async load(reader, id) {
    const place = { accountId: id.slice(0, id.indexOf("/")), name: id.slice(id.indexOf("/") + 1) };
    const policy = await findPolicy(reader, place);
    if (policy === undefined) return undefined;
    const { defaultVersion: version } = policy;
    const { document } = await loadVersion(reader, place, version);
    return { compiled: compileOnce(document, place, version) };
  },
};

/** What each of some custom policies says now, by their names; those that are not there are left out. */
export async function listEffectivePolicies(
  reader: EntityReader,
  accountId: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, CompiledPolicy>> {
  const policies = await listPolicies(reader, { accountId, after: "", limit: names.length, names });
  if (policies.length === 0) return new Map();
  const rows = await reader.db
    .$extendTables<PolicySchema>()
    .selectFrom("ram_policy_version")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("policy_name", "in", names)
    .execute();
  const documents = new Map(
    rows.map((raw) => {
      const {
        policy_name: name,
        version,
        document,
      } = policyVersionTable.verify(reader.guard, raw, {
        account_id: accountId,
      }).row;
      return [`${name}/${version}`, document] as const;
    }),
  );
  return new Map(
    policies.map(({ name, defaultVersion: version }) => {
      const document = documents.get(`${name}/${version}`);
      if (document === undefined) throw missingVersion();
      return [name, compileOnce(document, { accountId, name }, version)];
    }),
  );
}

const compiledDocuments = new CompiledDocuments<CompiledPolicy>();

function compileOnce(document: string, place: PolicyPlace, version: number): CompiledPolicy {
  const id = `${policyEntityId(place)}/${version}`;
  return compiledDocuments.compile(id, document, () => compile(document, { name: place.name, version }));
}

/** What a version of a custom policy says. */
export function compile(
  document: string,
  { name, version }: { readonly name: string; readonly version: number },
): CompiledPolicy {
  return compilePolicy(parsePolicy(document, "identity"), { type: "Custom", name, version: toVersionId(version) });
}

function missingVersion(): TamperedRowError {
  return new TamperedRowError(policyVersionTable.name, "a policy's default version is missing");
}

export function policyEntityId({ accountId, name }: PolicyPlace): string {
  return `${accountId}/${name}`;
}

export function touchedPolicy(place: PolicyPlace): Touched {
  return { kind: policyKind, id: policyEntityId(place) };
}

export async function findPolicy(reader: EntityReader, place: PolicyPlace): Promise<StoredPolicy | undefined> {
  const raw = await selectPolicies(reader, place.accountId).where("name", "=", place.name).executeTakeFirst();
  return raw && toStoredPolicy(reader, raw, { account_id: place.accountId, name: place.name });
}

/**
 * Custom policies of an account in the order of their names.
 *
 * @param list.names - only these; all if left out.
 */
export async function listPolicies(
  reader: EntityReader,
  list: {
    readonly accountId: string;
    readonly after: string;
    readonly limit: number;
    readonly names?: readonly string[] | undefined;
  },
): Promise<readonly StoredPolicy[]> {
  const { accountId, after, limit, names } = list;
  if (names?.length === 0) return [];
  const all = selectPolicies(reader, accountId).where("name", ">", after);
  const rows = await (names === undefined ? all : all.where("name", "in", names))
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map((raw) => toStoredPolicy(reader, raw, { account_id: accountId }));
}

export async function countPolicies({ db }: EntityReader, accountId: string): Promise<number> {
  const { count } = await db
    .$extendTables<PolicySchema>()
    .selectFrom("ram_policy")
    .select(({ fn }) => fn.countAll<number | bigint | string>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** The versions of a custom policy, the oldest first. */
export async function listVersions(reader: EntityReader, place: PolicyPlace): Promise<readonly StoredPolicyVersion[]> {
  const rows = await selectVersions(reader, place).orderBy("version").execute();
  return rows.map((raw) => toStoredVersion(reader, raw, versionsOf(place)));
}

export async function findVersion(
  reader: EntityReader,
  place: PolicyPlace,
  version: number,
): Promise<StoredPolicyVersion | undefined> {
  const raw = await selectVersions(reader, place).where("version", "=", version).executeTakeFirst();
  return raw && toStoredVersion(reader, raw, { ...versionsOf(place), version });
}

/** A version that must be there. @throws TamperedRowError if it is not. */
async function loadVersion(reader: EntityReader, place: PolicyPlace, version: number): Promise<StoredPolicyVersion> {
  const found = await findVersion(reader, place, version);
  if (found === undefined) throw missingVersion();
  return found;
}

/** The rows of a new policy, whose first version is its default one. */
export function insertPolicy(
  { guard, db, now }: RequestContext,
  place: PolicyPlace,
  { description, document }: { readonly description: string; readonly document: string },
): readonly RowChange[] {
  return [
    policyTable.insert(guard, db, {
      account_id: place.accountId,
      name: place.name,
      description,
      default_version: 1,
      last_version: 1,
      created_at: now,
      updated_at: now,
    }),
    policyVersionTable.insert(guard, db, {
      account_id: place.accountId,
      policy_name: place.name,
      version: 1,
      document,
      created_at: now,
    }),
  ];
}

/** Adds the version that comes next, and makes it the default one if it is to be. */
export function insertVersion(
  { guard, db, now }: RequestContext,
  policy: StoredPolicy,
  { document, isDefault }: { readonly document: string; readonly isDefault: boolean },
): { readonly version: number; readonly changes: readonly RowChange[] } {
  const { row } = policy.stored;
  const version = row.last_version + 1;
  return {
    version,
    changes: [
      policyTable.update(guard, db, policy.stored, {
        ...row,
        last_version: version,
        default_version: isDefault ? version : row.default_version,
        updated_at: now,
      }),
      policyVersionTable.insert(guard, db, {
        account_id: policy.accountId,
        policy_name: policy.name,
        version,
        document,
        created_at: now,
      }),
    ],
  };
}

/** Changes a policy's description or its default version. */
export function changePolicy(
  { guard, db, now }: RequestContext,
  { stored }: StoredPolicy,
  change: Partial<Pick<PolicyRow, "description" | "default_version">>,
): RowChange {
  return policyTable.update(guard, db, stored, { ...stored.row, ...change, updated_at: now });
}

export function deleteVersion({ guard, db }: EntityReader, { stored }: StoredPolicyVersion): RowChange {
  return policyVersionTable.delete(guard, db, stored);
}

/** Deletes a policy with all its versions. */
export function deletePolicyRows(
  reader: EntityReader,
  { stored }: StoredPolicy,
  versions: readonly StoredPolicyVersion[],
): readonly RowChange[] {
  const { guard, db } = reader;
  return [...versions.map((version) => deleteVersion(reader, version)), policyTable.delete(guard, db, stored)];
}

function selectPolicies({ db }: EntityReader, accountId: string) {
  return db.$extendTables<PolicySchema>().selectFrom("ram_policy").selectAll().where("account_id", "=", accountId);
}

function selectVersions({ db }: EntityReader, { accountId, name }: PolicyPlace) {
  return db
    .$extendTables<PolicySchema>()
    .selectFrom("ram_policy_version")
    .selectAll()
    .where("account_id", "=", accountId)
    .where("policy_name", "=", name);
}

/** What a policy's versions are looked for by. */
function versionsOf({ accountId, name }: PolicyPlace): Partial<VersionRow> {
  return { account_id: accountId, policy_name: name };
}

function toStoredPolicy({ guard }: EntityReader, raw: object, asked: Partial<PolicyRow>): StoredPolicy {
  const stored = policyTable.verify(guard, raw, asked);
  const { row } = stored;
  return {
    accountId: row.account_id,
    name: row.name,
    description: row.description,
    defaultVersion: row.default_version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    stored,
  };
}

function toStoredVersion({ guard }: EntityReader, raw: object, asked: Partial<VersionRow>): StoredPolicyVersion {
  const stored = policyVersionTable.verify(guard, raw, asked);
  const { version, document, created_at: createdAt } = stored.row;
  return { version, document, createdAt, stored };
}
