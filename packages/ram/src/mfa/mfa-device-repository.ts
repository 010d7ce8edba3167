import {
  type AccountId,
  type EntityKind,
  type EntityReader,
  parseId,
  ProtectedTable,
  type RequestContext,
  type RowChange,
  type RowOf,
  type Touched,
  underAccountKey,
  type UserId,
  type Verified,
} from "@cinnabar/kernel";
import { unwrapUnderAccount, type WrappedIdentity, wrapUnderAccount } from "../wrap-under-account.ts";

const columns = {
  account_id: "text",
  name: "text",
  wrapped_seed: "bytes",
  account_key_version: "integer",
  /** The user that it is bound to, and since when. */
  user_id: "text?",
  activated_at: "integer?",
  created_at: "integer",
} as const;

export const mfaDeviceTable = new ProtectedTable("virtual_mfa_device", { columns, identity: ["account_id", "name"] });

type DeviceRow = RowOf<typeof columns>;
type DeviceSchema = { virtual_mfa_device: DeviceRow };

/** A virtual MFA device: a seed from which an app reckons codes (RFC 6238). */
export interface MfaDevice {
  readonly accountId: AccountId;
  readonly name: string;
  /** The user whose second factor it is, and since when, in store milliseconds; `undefined` until it is bound. */
  readonly bound: { readonly userId: UserId; readonly at: number } | undefined;
  readonly stored: Verified<DeviceRow>;
}

type DevicePlace = Pick<MfaDevice, "accountId" | "name">;

/** Devices by {@link deviceEntityId}. */
const mfaDeviceKind: EntityKind<MfaDevice> = {
  name: "mfa-device",
  capacity: 1_000,
  async load(reader, id) {
    const slash = id.indexOf("/");
    const [accountId, name] = [id.slice(0, slash), id.slice(slash + 1)];
    const raw = await selectDevices(reader)
      .where("account_id", "=", accountId)
      .where("name", "=", name)
      .executeTakeFirst();
    return raw && toDevice(reader, raw, { account_id: accountId, name });
  },
};

/** The seeds, for whoever rotates account keys. */
export const mfaSeeds = underAccountKey({
  table: mfaDeviceTable,
  column: "wrapped_seed",
  versionColumn: "account_key_version",
  read: (row) => ({
    wrapped: row.wrapped_seed,
    version: row.account_key_version,
    identity: seedIdentity({ accountId: row.account_id, name: row.name }),
  }),
  replace: (row, { wrapped, version }) => ({ ...row, wrapped_seed: wrapped, account_key_version: version }),
  touches: ({ account_id: accountId, name }) => [touchedDevice({ accountId, name })],
});

export function findDevice(
  context: RequestContext,
  place: DevicePlace,
): MfaDevice | undefined | Promise<MfaDevice | undefined> {
  return context.find(mfaDeviceKind, deviceEntityId(place));
}

/** The device that is bound to a user. */
export async function findDeviceOf(reader: EntityReader, userId: UserId): Promise<MfaDevice | undefined> {
  const raw = await selectDevices(reader).where("user_id", "=", userId).executeTakeFirst();
  return raw && toDevice(reader, raw, { user_id: userId });
}

/** All devices of an account, in the order of their names. */
export async function listDevices(reader: EntityReader, accountId: string): Promise<readonly MfaDevice[]> {
  const rows = await selectDevices(reader).where("account_id", "=", accountId).orderBy("name").execute();
  return rows.map((raw) => toDevice(reader, raw, { account_id: accountId }));
}

export async function countDevices({ db }: EntityReader, accountId: string): Promise<number> {
  const { count } = await db
    .$extendTables<DeviceSchema>()
    .selectFrom("virtual_mfa_device")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .executeTakeFirstOrThrow();
  return count;
}

export function touchedDevice(place: { readonly accountId: string; readonly name: string }): Touched {
  return { kind: mfaDeviceKind, id: deviceEntityId(place) };
}

/** Makes a device that is bound to nobody. The seed stays the caller's to clear. */
export async function insertDevice(
  context: RequestContext,
  { accountId, name, seed }: DevicePlace & { readonly seed: Uint8Array },
): Promise<RowChange> {
  const identity = seedIdentity({ accountId, name });
  const { wrapped, version } = await wrapUnderAccount(context, { accountId, identity, value: seed });
  const { guard, db, now } = context;
  return mfaDeviceTable.insert(guard, db, {
    account_id: accountId,
    name,
    wrapped_seed: wrapped,
    account_key_version: version,
    user_id: null,
    activated_at: null,
    created_at: now,
  });
}

/** Opens a device's seed. The caller clears it. */
export function openSeed(context: RequestContext, { accountId, name, stored }: MfaDevice): Promise<Buffer> {
  const { wrapped_seed: wrapped, account_key_version: version } = stored.row;
  return unwrapUnderAccount(context, { accountId, identity: seedIdentity({ accountId, name }), wrapped, version });
}

/** Binds a device to a user, or with `undefined` to nobody. */
export function bindDevice(
  { guard, db, now }: RequestContext,
  { stored }: MfaDevice,
  userId: UserId | undefined,
): RowChange {
  const bound = userId === undefined ? { user_id: null, activated_at: null } : { user_id: userId, activated_at: now };
  return mfaDeviceTable.update(guard, db, stored, { ...stored.row, ...bound });
}

export function deleteDeviceRow({ guard, db }: RequestContext, { stored }: MfaDevice): RowChange {
  return mfaDeviceTable.delete(guard, db, stored);
}

function seedIdentity({ accountId, name }: { readonly accountId: string; readonly name: string }): WrappedIdentity {
  return ["virtual MFA device seed", accountId, name];
}

function deviceEntityId({ accountId, name }: { readonly accountId: string; readonly name: string }): string {
  return `${accountId}/${name}`;
}

function selectDevices({ db }: EntityReader) {
  return db.$extendTables<DeviceSchema>().selectFrom("virtual_mfa_device").selectAll();
}

function toDevice({ guard }: EntityReader, raw: object, asked?: Partial<RowOf<typeof columns>>): MfaDevice {
  const stored = mfaDeviceTable.verify(guard, raw, asked);
  const { account_id: accountId, name, user_id: userId, activated_at: at } = stored.row;
  const isBound = userId !== null && at !== null;
  return {
    accountId: parseId("Account", accountId),
    name,
    bound: isBound ? { userId: parseId("User", userId), at } : undefined,
    stored,
  };
}
