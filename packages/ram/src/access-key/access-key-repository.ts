import {
  accessKeySecretIdentity,
  accountKeysKind,
  type DeploymentKeys,
  type EntityKind,
  type EntityReader,
  openAccessKeySecret,
  parseId,
  ProtectedTable,
  type RowChange,
  type RowOf,
  TamperedRowError,
  type Touched,
  underAccountKey,
  type UserId,
  type Verified,
} from "@cinnabar/kernel";
import { SigningSecret } from "@cinnabar/rpc";

const columns = {
  id: "text",
  account_id: "text",
  wrapped_secret: "bytes",
  /** An {@link AccessKeyStatus}. */
  status: "text",
  created_at: "integer",
  /** Version of the account key that the secret is wrapped under; null in rows from before, which the root key wraps. */
  account_key_version: "integer?",
  /** The user that it belongs to; null for one of the account's root. */
  user_id: "text?",
} as const;

export const accessKeyTable = new ProtectedTable("access_key", { columns, identity: ["id"] });

type AccessKeySchema = { access_key: RowOf<typeof columns> };

/** Whether an AccessKey may be used, as RAM writes it. */
export const ACCESS_KEY_STATUSES = ["Active", "Inactive"] as const;
export type AccessKeyStatus = (typeof ACCESS_KEY_STATUSES)[number];

/** An AccessKey without its secret. */
export interface AccessKeyEntry {
  readonly id: string;
  readonly accountId: string;
  /** `undefined` for one of the account's root. */
  readonly userId: UserId | undefined;
  readonly isActive: boolean;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  /** Its row, for whoever changes it. */
  readonly stored: Verified<RowOf<typeof columns>>;
}

/** An AccessKey, its secret open for verifying signatures. */
export interface AccessKey extends Pick<AccessKeyEntry, "id" | "accountId" | "userId" | "isActive"> {
  readonly secret: SigningSecret;
}

/** AccessKeys as entities, their secrets unwrapped under the keys of their accounts. */
export function accessKeyKind(keys: DeploymentKeys): EntityKind<AccessKey> {
  return {
    name: "access-key",
    capacity: 10_000,
    async load(reader, id) {
      const entry = await findAccessKey(reader, id);
      if (entry === undefined) return undefined;
      const { accountId, userId, isActive } = entry;
      const secret = await openSecret(reader, { keys, entry });
      try {
        return { id: entry.id, accountId, userId, isActive, secret: new SigningSecret(secret) };
      } finally {
        secret.fill(0);
      }
    },
  };
}

export function touchedAccessKey(keys: DeploymentKeys, id: string): Touched {
  return { kind: accessKeyKind(keys), id };
}

/** The secrets, for whoever rotates account keys. */
export const accessKeySecrets = underAccountKey({
  table: accessKeyTable,
  column: "wrapped_secret",
  versionColumn: "account_key_version",
  withoutVersion: "accessKeySecretWrap",
  read: (row) => ({
    wrapped: row.wrapped_secret,
    version: row.account_key_version,
    identity: accessKeySecretIdentity({
      accountId: parseId("Account", row.account_id),
      accessKeyId: parseId("AccessKey", row.id),
    }),
  }),
  replace: (row, { wrapped, version }) => ({ ...row, wrapped_secret: wrapped, account_key_version: version }),
  touches: ({ id }, keys) => [{ kind: accessKeyKind(keys), id }],
});

async function openSecret(
  reader: EntityReader,
  { keys, entry }: { readonly keys: DeploymentKeys; readonly entry: AccessKeyEntry },
): Promise<Buffer> {
  const { row } = entry.stored;
  const accountId = parseId("Account", entry.accountId);
  const accountKeys =
    row.account_key_version === null ? undefined : await accountKeysKind(keys).load(reader, accountId);
  const wrappingKey =
    row.account_key_version === null ? keys.accessKeySecretWrap : accountKeys?.byVersion.get(row.account_key_version);
  if (wrappingKey === undefined) throw new TamperedRowError("account_key", "a version that wraps a secret is missing");
  const accessKeyId = parseId("AccessKey", entry.id);
  return openAccessKeySecret({ wrappingKey, accountId, accessKeyId, wrapped: row.wrapped_secret });
}

/** The AccessKeys of the root of one account, or of all roots, the oldest first. */
export async function listRootAccessKeys(
  reader: EntityReader,
  { accountId }: { readonly accountId?: string | undefined } = {},
): Promise<AccessKeyEntry[]> {
  const all = selectAccessKeys(reader).where("user_id", "is", null);
  const selected = accountId === undefined ? all : all.where("account_id", "=", accountId);
  const rows = await selected.orderBy("created_at").orderBy("id").execute();
  const asked = { user_id: null, ...(accountId !== undefined && { account_id: accountId }) };
  return rows.map((raw) => toEntry(reader, raw, asked));
}

/** The AccessKeys of a user, the oldest first. */
export async function listUserAccessKeys(reader: EntityReader, userId: UserId): Promise<readonly AccessKeyEntry[]> {
  const selected = selectAccessKeys(reader).where("user_id", "=", userId);
  const rows = await selected.orderBy("created_at").orderBy("id").execute();
  return rows.map((raw) => toEntry(reader, raw, { user_id: userId }));
}

/** Gives an AccessKey another status. */
export function changeAccessKeyStatus(
  { guard, db }: EntityReader,
  { stored }: AccessKeyEntry,
  status: AccessKeyStatus,
): RowChange {
  return accessKeyTable.update(guard, db, stored, { ...stored.row, status });
}

export function deleteAccessKeyRow({ guard, db }: EntityReader, { stored }: AccessKeyEntry): RowChange {
  return accessKeyTable.delete(guard, db, stored);
}

/** An AccessKey as it stands in the store, `undefined` if there is none of that id. */
export async function findAccessKey(reader: EntityReader, id: string): Promise<AccessKeyEntry | undefined> {
  const raw = await selectAccessKeys(reader).where("id", "=", id).executeTakeFirst();
  return raw === undefined ? undefined : toEntry(reader, raw, { id });
}

function selectAccessKeys({ db }: EntityReader) {
  return db.$extendTables<AccessKeySchema>().selectFrom("access_key").selectAll();
}

function toEntry({ guard }: EntityReader, raw: object, asked?: Partial<RowOf<typeof columns>>): AccessKeyEntry {
  const stored = accessKeyTable.verify(guard, raw, asked);
  const { id, account_id: accountId, user_id: user, status, created_at: createdAt } = stored.row;
  const userId = user === null ? undefined : parseId("User", user);
  return { id, accountId, userId, isActive: status === "Active", createdAt, stored };
}
