import { X509Certificate } from "node:crypto";
import {
  type EntityFinder,
  type EntityKind,
  type EntityReader,
  isId,
  ProtectedTable,
  type RowChange,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { ClientKeyVerifier } from "@cinnabar/rpc";
import type { AccessPlace } from "./access-row.ts";
import type { ClientKey } from "./client-key.ts";

const columns = {
  id: "text",
  account_id: "text",
  access_point: "text",
  incarnation: "text",
  /** DER. The private key is nowhere. */
  certificate: "bytes",
  not_before: "integer",
  not_after: "integer",
  created_at: "integer",
} as const;

export const clientKeyTable = new ProtectedTable("client_key", { columns, identity: ["id"] });

type Row = RowOf<typeof columns>;
type Schema = { client_key: Row };

/** A client key as its row has it. */
export interface ClientKeyEntry extends ClientKey {
  readonly stored: Verified<Row>;
}

/** A client key that is ready to verify signatures. */
export interface StoredClientKey extends ClientKeyEntry {
  readonly verifier: ClientKeyVerifier;
}

const CACHED_CLIENT_KEYS = 10_000;
/** About what OpenSSL and the certificate take. */
const CLIENT_KEY_BYTES = 6 * 1024;

const clientKeyKind: EntityKind<StoredClientKey> = {
  name: "client-key",
  capacity: CACHED_CLIENT_KEYS,
  weigh: () => CLIENT_KEY_BYTES,
  async load({ db, guard }, id) {
    if (!isId("ClientKey", id)) return undefined;
    const raw = await db
      .$extendTables<Schema>()
      .selectFrom("client_key")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (raw === undefined) return undefined;
    const entry = toEntry(clientKeyTable.verify(guard, raw, { id }));
    const spki = new X509Certificate(entry.certificate).publicKey.export({ type: "spki", format: "der" });
    return { ...entry, verifier: new ClientKeyVerifier(spki) };
  },
};

export function findClientKey(
  finder: EntityFinder,
  id: string,
): StoredClientKey | undefined | Promise<StoredClientKey | undefined> {
  return finder.find(clientKeyKind, id);
}

export function touchedClientKey(id: string): Touched {
  return { kind: clientKeyKind, id };
}

export function insertClientKey({ guard, db }: EntityReader, clientKey: ClientKey): RowChange {
  return clientKeyTable.insert(guard, db, {
    id: clientKey.id,
    account_id: clientKey.accountId,
    access_point: clientKey.accessPoint,
    incarnation: clientKey.incarnation,
    certificate: clientKey.certificate,
    not_before: clientKey.notBefore,
    not_after: clientKey.notAfter,
    created_at: clientKey.createdAt,
  });
}

export function deleteClientKeyRow({ guard, db }: EntityReader, { stored }: ClientKeyEntry): RowChange {
  return clientKeyTable.delete(guard, db, stored);
}

/** The client keys of an access point, or of all of an account, the oldest first. */
export async function listClientKeysOf(
  { db, guard }: EntityReader,
  { accountId, name }: Pick<AccessPlace, "accountId"> & Partial<AccessPlace>,
): Promise<readonly ClientKeyEntry[]> {
  const ofAccount = db.$extendTables<Schema>().selectFrom("client_key").selectAll().where("account_id", "=", accountId);
  const rows = await (name === undefined ? ofAccount : ofAccount.where("access_point", "=", name))
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map((raw) => toEntry(clientKeyTable.verify(guard, raw, { account_id: accountId })));
}

function toEntry(stored: Verified<Row>): ClientKeyEntry {
  const { row } = stored;
  return {
    id: row.id,
    accountId: row.account_id,
    accessPoint: row.access_point,
    incarnation: row.incarnation,
    certificate: new Uint8Array(row.certificate),
    notBefore: row.not_before,
    notAfter: row.not_after,
    createdAt: row.created_at,
    stored,
  };
}
