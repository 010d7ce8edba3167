import {
  type AccountId,
  type EntityKind,
  type EntityReader,
  parseId,
  ProtectedTable,
  type RowChange,
  type RowOf,
  type Verified,
} from "@cinnabar/kernel";

const columns = {
  /** 22 random characters: a provider that is made anew under an old name is another one. */
  id: "text",
  account_id: "text",
  name: "text",
  issuer: "text",
  /** Separated by line feeds. */
  client_ids: "text",
  /** PEM of the certificates to trust instead of the system's. */
  ca: "text?",
  /** 1 if its addresses may be ones of this machine or this link. */
  allow_local: "integer",
  created_at: "integer",
} as const;

export const oidcProviderTable = new ProtectedTable("oidc_provider", { columns, identity: ["id"] });

type OidcProviderSchema = { oidc_provider: RowOf<typeof columns> };

/** What an operator says of an OpenID Connect provider. */
export interface OidcProviderSettings {
  readonly name: string;
  /** URL, exactly as its tokens have it in `iss`. */
  readonly issuer: string;
  /** Whom its tokens must be for: one of these must stand in `aud`. */
  readonly clientIds: readonly string[];
  readonly ca: string | undefined;
  readonly allowsLocalAddresses: boolean;
}

/** A provider whose tokens an account's roles may be assumed with. It never changes; it is deleted and made anew. */
export interface OidcProvider extends OidcProviderSettings {
  readonly id: string;
  readonly accountId: AccountId;
  /** Store time in milliseconds since 1970. */
  readonly createdAt: number;
  readonly stored: Verified<RowOf<typeof columns>>;
}

/** Providers by their ids. */
export const oidcProviderKind: EntityKind<OidcProvider> = {
  name: "oidc-provider",
  capacity: 1_000,
  async load(reader, id) {
    const raw = await selectProviders(reader).where("id", "=", id).executeTakeFirst();
    return raw && toProvider(reader, raw, { id });
  },
};

/** A provider by its name, `undefined` if the account has none of that name. */
export async function findOidcProvider(
  reader: EntityReader,
  { accountId, name }: { readonly accountId: string; readonly name: string },
): Promise<OidcProvider | undefined> {
  const raw = await selectProviders(reader)
    .where("account_id", "=", accountId)
    .where("name", "=", name)
    .executeTakeFirst();
  return raw && toProvider(reader, raw, { account_id: accountId, name });
}

/** The providers of an account, or of all accounts, in the order of their names. */
export async function listOidcProviders(
  reader: EntityReader,
  { accountId }: { readonly accountId?: AccountId | undefined } = {},
): Promise<readonly OidcProvider[]> {
  const all = selectProviders(reader);
  const selected = accountId === undefined ? all : all.where("account_id", "=", accountId);
  const rows = await selected.orderBy("account_id").orderBy("name").execute();
  return rows.map((raw) => toProvider(reader, raw, accountId && { account_id: accountId }));
}

export function insertOidcProvider(
  { guard, db }: EntityReader,
  {
    id,
    accountId,
    settings,
    now,
  }: {
    readonly id: string;
    readonly accountId: AccountId;
    readonly settings: OidcProviderSettings;
    readonly now: number;
  },
): RowChange {
  return oidcProviderTable.insert(guard, db, {
    id,
    account_id: accountId,
    name: settings.name,
    issuer: settings.issuer,
    client_ids: settings.clientIds.join("\n"),
    ca: settings.ca ?? null,
    allow_local: settings.allowsLocalAddresses ? 1 : 0,
    created_at: now,
  });
}

export function deleteOidcProviderRow({ guard, db }: EntityReader, { stored }: OidcProvider): RowChange {
  return oidcProviderTable.delete(guard, db, stored);
}

function selectProviders({ db }: EntityReader) {
  return db.$extendTables<OidcProviderSchema>().selectFrom("oidc_provider").selectAll();
}

function toProvider({ guard }: EntityReader, raw: object, asked?: Partial<RowOf<typeof columns>>): OidcProvider {
  const stored = oidcProviderTable.verify(guard, raw, asked);
  const { row } = stored;
  return {
    id: row.id,
    accountId: parseId("Account", row.account_id),
    name: row.name,
    issuer: row.issuer,
    clientIds: row.client_ids.split("\n"),
    ca: row.ca ?? undefined,
    allowsLocalAddresses: row.allow_local === 1,
    createdAt: row.created_at,
    stored,
  };
}
