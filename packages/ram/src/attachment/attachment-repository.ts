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
import type { CompiledPolicy } from "@cinnabar/policy";
import { sql } from "kysely";
import { POLICY_TYPES, type PolicyType } from "../policy/policy-parameters.ts";
import { policyEntityId } from "../policy/policy-repository.ts";
import { systemPolicies } from "../policy/system-policies.ts";
import { ROWS_AT_ONCE } from "../slices.ts";

const columns = {
  principal_type: "text",
  principal_id: "text",
  policy_type: "text",
  policy_name: "text",
  account_id: "text",
  attached_at: "integer",
} as const;

export const attachmentTable = new ProtectedTable("ram_attachment", {
  columns,
  identity: ["principal_type", "principal_id", "policy_type", "policy_name"],
});

type AttachmentRow = RowOf<typeof columns>;
type AttachmentSchema = { ram_attachment: AttachmentRow };

/** What policies are attached to. */
export type AttachedType = "user" | "group" | "role";

/** Names a policy of an account. */
export interface PolicyReference {
  readonly type: PolicyType;
  readonly name: string;
}

/** That a policy is attached to somebody. */
export interface Attachment {
  readonly policy: PolicyReference;
  /** Store time in milliseconds since 1970. */
  readonly attachedAt: number;
  readonly stored: Verified<AttachmentRow>;
}

/** The policies of one user, group or role, by its id. Everybody has such an entity, if only an empty one. */
export interface Attachments {
  /** In the order in which they were attached. */
  readonly all: readonly Attachment[];
  readonly system: readonly CompiledPolicy[];
  /** Ids of the custom policies as entities. */
  readonly customIds: readonly string[];
}

const CACHED_ATTACHMENTS = 20_000;

/** By {@link attachmentsId}. */
export const attachmentsKind: EntityKind<Attachments> = {
  name: "ram-attachments",
  capacity: CACHED_ATTACHMENTS,
  async load(reader, id) {
    const slash = id.indexOf("/");
    const [type, principalId] = [id.slice(0, slash), id.slice(slash + 1)];
    const rows = await select(reader)
      .where("principal_type", "=", type)
      .where("principal_id", "=", principalId)
      .orderBy("attached_at")
      .orderBy("policy_type")
      .orderBy("policy_name")
      .execute();
    const asked = { principal_type: type, principal_id: principalId };
    const all = rows.map((raw) => toAttachment(reader, raw, asked));
    return {
      all,
      system: all.flatMap(({ policy }) => (policy.type === "System" ? [loadSystemPolicy(policy.name)] : [])),
      customIds: all.flatMap(({ policy, stored }) =>
        policy.type === "Custom" ? [policyEntityId({ accountId: stored.row.account_id, name: policy.name })] : [],
      ),
    };
  },
};

export function attachmentsId(type: AttachedType, id: string): string {
  return `${type}/${id}`;
}

export function touchedAttachments(type: AttachedType, id: string): Touched {
  return { kind: attachmentsKind, id: attachmentsId(type, id) };
}

/** Whether any policy is attached: then who has it is not deleted. */
export async function hasAttachments({ db }: EntityReader, type: AttachedType, id: string): Promise<boolean> {
  const row = await db
    .$extendTables<AttachmentSchema>()
    .selectFrom("ram_attachment")
    .select("policy_name")
    .where("principal_type", "=", type)
    .where("principal_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whom a policy is attached to. */
export interface AttachedEntity {
  readonly type: AttachedType;
  readonly id: string;
  /** Store time in milliseconds since 1970. */
  readonly attachedAt: number;
}

/** Everybody in the account whom a policy is attached to, in the order in which that was done. */
export async function listAttachedEntities(
  reader: EntityReader,
  { accountId, policy }: { readonly accountId: string; readonly policy: PolicyReference },
): Promise<readonly AttachedEntity[]> {
  const found = await listAttachedTo(reader, { accountId, type: policy.type, names: [policy.name] });
  return found.toSorted((one, other) => one.attachedAt - other.attachedAt || (one.id < other.id ? -1 : 1));
}

/** Everybody in the account whom any of the policies is attached to, in no order. */
export async function listAttachedToAny(
  reader: EntityReader,
  { accountId, policies }: { readonly accountId: string; readonly policies: readonly PolicyReference[] },
): Promise<readonly Pick<AttachedEntity, "type" | "id">[]> {
  const found: AttachedEntity[] = [];
  for (const type of POLICY_TYPES) {
    const names = policies.flatMap((policy) => (policy.type === type ? [policy.name] : []));
    found.push(...(await listAttachedTo(reader, { accountId, type, names })));
  }
  return found;
}

/** Everybody whom any of the policies is attached to, in the order of their ids: each with one of these attachments at least. */
async function listAttachedTo(
  reader: EntityReader,
  {
    accountId,
    type,
    names,
  }: { readonly accountId: string; readonly type: PolicyType; readonly names: readonly string[] },
): Promise<readonly AttachedEntity[]> {
  if (names.length === 0) return [];
  const found: AttachedEntity[] = [];
  for (;;) {
    const rows = await select(reader)
      .where("account_id", "=", accountId)
      .where("policy_type", "=", type)
      .where("policy_name", "in", names)
      .where("principal_id", ">", found.at(-1)?.id ?? "")
      .orderBy("principal_id")
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const raw of rows) {
      const { row } = attachmentTable.verify(reader.guard, raw, { account_id: accountId, policy_type: type });
      found.push({ type: toAttachedType(row.principal_type), id: row.principal_id, attachedAt: row.attached_at });
    }
    if (rows.length < ROWS_AT_ONCE) return found;
  }
}

/** What is attached to each of some users, groups or roles, by their ids; who has nothing is left out. */
export async function listAttachmentsOf(
  reader: EntityReader,
  type: AttachedType,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly PolicyReference[]>> {
  if (ids.length === 0) return new Map();
  const rows = await select(reader).where("principal_type", "=", type).where("principal_id", "in", ids).execute();
  const found = new Map<string, PolicyReference[]>();
  for (const raw of rows) {
    const { policy, stored } = toAttachment(reader, raw, { principal_type: type });
    const id = stored.row.principal_id;
    const known = found.get(id);
    if (known === undefined) found.set(id, [policy]);
    else known.push(policy);
  }
  return found;
}

/** How often each of the policies is attached in the account, by {@link policyReferenceId}; none is left out. */
export async function countAttachments(
  { db }: EntityReader,
  { accountId, policies }: { readonly accountId: string; readonly policies: readonly PolicyReference[] },
): Promise<ReadonlyMap<string, number>> {
  if (policies.length === 0) return new Map();
  const names = policies.map(({ name }) => name);
  const { rows } = await sql<{ policy_type: string; policy_name: string; attachments: number | bigint | string }>`
    select policy_type, policy_name, count(*) as attachments from ram_attachment
    where account_id = ${accountId} and policy_name in (${sql.join(names)}) group by policy_type, policy_name
  `.execute(db);
  return new Map(rows.map((row) => [`${row.policy_type}/${row.policy_name}`, Number(row.attachments)]));
}

export function policyReferenceId({ type, name }: PolicyReference): string {
  return `${type}/${name}`;
}

export function insertAttachment(
  { guard, db, now, principal }: RequestContext,
  {
    to,
    policy,
  }: { readonly to: { readonly type: AttachedType; readonly id: string }; readonly policy: PolicyReference },
): RowChange {
  return attachmentTable.insert(guard, db, {
    principal_type: to.type,
    principal_id: to.id,
    policy_type: policy.type,
    policy_name: policy.name,
    account_id: principal.accountId,
    attached_at: now,
  });
}

export function deleteAttachment({ guard, db }: EntityReader, { stored }: Attachment): RowChange {
  return attachmentTable.delete(guard, db, stored);
}

function select({ db }: EntityReader) {
  return db.$extendTables<AttachmentSchema>().selectFrom("ram_attachment").selectAll();
}

function toAttachment({ guard }: EntityReader, raw: object, asked: Partial<AttachmentRow>): Attachment {
  const stored = attachmentTable.verify(guard, raw, asked);
  const { policy_type, policy_name: name, attached_at: attachedAt } = stored.row;
  const type = POLICY_TYPES.find((known) => known === policy_type);
  if (type === undefined) throw new TamperedRowError(attachmentTable.name, "an attachment's policy has no known type");
  return { policy: { type, name }, attachedAt, stored };
}

function toAttachedType(text: string): AttachedType {
  if (text === "user" || text === "group" || text === "role") return text;
  throw new TamperedRowError(attachmentTable.name, "an attachment is of no known type");
}

/** It was there when it was attached, and system policies are never taken away. */
function loadSystemPolicy(name: string): CompiledPolicy {
  const policy = systemPolicies.get(name);
  if (policy === undefined) throw new TamperedRowError(attachmentTable.name, "an attached system policy is not known");
  return policy.compiled;
}
