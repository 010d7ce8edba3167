import {
  type AccountId,
  parseId,
  type EntityKind,
  type EntityReader,
  ProtectedTable,
  type RowOf,
  TamperedRowError,
  type Verified,
} from "@cinnabar/kernel";

const columns = {
  id: "text",
  /** `Enabled` or `Disabled`. */
  status: "text",
  created_at: "integer",
  /** Settings of the account, each null where its operator never said anything: 1 is on. */
  require_usage_review: "integer?",
  /** `off`, `warn` or `enforce`. */
  separation_of_duties: "text?",
  /** The service that the account is of, such as `oss`; null for one of a customer's. */
  service: "text?",
} as const;

export const accountTable = new ProtectedTable("account", { columns, identity: ["id"] });

type AccountSchema = { account: RowOf<typeof columns> };

/** What comes of a change after which somebody could both use a key and manage it. */
export const SEPARATIONS = ["off", "warn", "enforce"] as const;

/** `warn`: it is carried out, and its answer and its event say so; `enforce`: it is refused. */
export type SeparationOfDuties = (typeof SEPARATIONS)[number];

/** What its operator decides about an account. */
export interface AccountSettings {
  /** Whether a key's deletion is scheduled only by who has reviewed its usage report. Off by default. */
  readonly requireUsageReview: boolean;
  /** `warn` by default. */
  readonly separationOfDuties: SeparationOfDuties;
}

/** An account, named by 16 digits. Nothing of a disabled account's is answered. */
export interface Account {
  readonly id: string;
  readonly isEnabled: boolean;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly settings: AccountSettings;
  /** The service that it is of, such as `oss`: then it has no root, but its AccessKeys are that service's. */
  readonly service: string | undefined;
  /** Its row, for whoever changes it. */
  readonly stored: Verified<RowOf<typeof columns>>;
}

export const accountKind: EntityKind<Account> = {
  name: "account",
  capacity: 10_000,
  async load(reader, id) {
    const raw = await selectAccounts(reader).where("id", "=", id).executeTakeFirst();
    return raw === undefined ? undefined : toAccount(reader, raw, { id });
  },
};

/** Every account, the oldest first; those of services too. */
export async function listAccounts(reader: EntityReader): Promise<Account[]> {
  const rows = await selectAccounts(reader).orderBy("created_at").orderBy("id").execute();
  return rows.map((raw) => toAccount(reader, raw));
}

/** The account of a service, `undefined` if the service was never enabled. */
export async function findServiceAccount(reader: EntityReader, service: string): Promise<Account | undefined> {
  const raw = await selectAccounts(reader).where("service", "=", service).executeTakeFirst();
  return raw === undefined ? undefined : toAccount(reader, raw, { service });
}

/** The accounts of services, the oldest first. */
export async function listServiceAccounts(reader: EntityReader): Promise<Account[]> {
  const services = selectAccounts(reader).where("service", "is not", null);
  const rows = await services.orderBy("created_at").orderBy("id").execute();
  return rows.map((raw) => toAccount(reader, raw));
}

/** The columns of settings; those that are left out stay as they are. */
export function toSettingColumns({
  requireUsageReview,
  separationOfDuties,
}: Partial<AccountSettings>): Partial<Pick<RowOf<typeof columns>, "require_usage_review" | "separation_of_duties">> {
  return {
    ...(requireUsageReview !== undefined && { require_usage_review: requireUsageReview ? 1 : 0 }),
    ...(separationOfDuties !== undefined && { separation_of_duties: separationOfDuties }),
  };
}

/** The ids of all accounts, the oldest first. */
export async function listAccountIds(reader: EntityReader): Promise<AccountId[]> {
  return (await listAccounts(reader)).map(({ id }) => parseId("Account", id));
}

function selectAccounts({ db }: EntityReader) {
  return db.$extendTables<AccountSchema>().selectFrom("account").selectAll();
}

function toAccount({ guard }: EntityReader, raw: object, asked?: Partial<RowOf<typeof columns>>): Account {
  const stored = accountTable.verify(guard, raw, asked);
  const { id, status, created_at: createdAt } = stored.row;
  const settings = {
    requireUsageReview: stored.row.require_usage_review === 1,
    separationOfDuties: toSeparation(stored.row.separation_of_duties),
  };
  const service = stored.row.service ?? undefined;
  return { id, isEnabled: status === "Enabled", createdAt, settings, service, stored };
}

function toSeparation(text: string | null): SeparationOfDuties {
  if (text === null) return "warn";
  const known = SEPARATIONS.find((separation) => separation === text);
  if (known === undefined)
    throw new TamperedRowError(accountTable.name, "an account's separation of duties is not known");
  return known;
}
