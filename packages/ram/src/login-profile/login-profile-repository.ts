import {
  type AccountId,
  ApiError,
  type EntityKind,
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
import { z } from "zod";
import { PASSWORD_POLICY_LIMITS } from "../settings/password-policy.ts";
import type { User } from "../user/user-repository.ts";
import { unwrapUnderAccount, type WrappedIdentity, wrapUnderAccount } from "../wrap-under-account.ts";

const columns = {
  user_id: "text",
  account_id: "text",
  /** A JSON array of hashes, the present password's first and then those before it; wrapped under the account's key. */
  wrapped_password_hashes: "bytes",
  account_key_version: "integer",
  password_changed_at: "integer",
  password_reset_required: "integer",
  mfa_bind_required: "integer",
  created_at: "integer",
} as const;

export const loginProfileTable = new ProtectedTable("login_profile", { columns, identity: ["user_id"] });

type LoginProfileRow = RowOf<typeof columns>;
type LoginProfileSchema = { login_profile: LoginProfileRow };

/** How a user logs on to the console. */
export interface LoginProfile {
  readonly userId: UserId;
  readonly accountId: AccountId;
  /** Whether the user has to choose another password when logging on. */
  readonly isPasswordResetRequired: boolean;
  /** Whether the user has to bind an MFA device when logging on. */
  readonly isMfaBindRequired: boolean;
  /** Store time in milliseconds since 1970. */
  readonly passwordChangedAt: number;
  readonly createdAt: number;
  readonly stored: Verified<LoginProfileRow>;
}

/** Login profiles by the ids of their users. */
export const loginProfileKind: EntityKind<LoginProfile> = {
  name: "login-profile",
  capacity: 1_000,
  async load({ db, guard }, id) {
    const raw = await db
      .$extendTables<LoginProfileSchema>()
      .selectFrom("login_profile")
      .selectAll()
      .where("user_id", "=", id)
      .executeTakeFirst();
    if (raw === undefined) return undefined;
    const stored = loginProfileTable.verify(guard, raw, { user_id: id });
    const { row } = stored;
    return {
      userId: parseId("User", row.user_id),
      accountId: parseId("Account", row.account_id),
      isPasswordResetRequired: row.password_reset_required === 1,
      isMfaBindRequired: row.mfa_bind_required === 1,
      passwordChangedAt: row.password_changed_at,
      createdAt: row.created_at,
      stored,
    };
  },
};

/** The hashes of passwords, for whoever rotates account keys. */
export const passwordHashes = underAccountKey({
  table: loginProfileTable,
  column: "wrapped_password_hashes",
  versionColumn: "account_key_version",
  read: (row) => ({
    wrapped: row.wrapped_password_hashes,
    version: row.account_key_version,
    identity: hashesIdentity({ accountId: row.account_id, userId: row.user_id }),
  }),
  replace: (row, { wrapped, version }) => ({
    ...row,
    wrapped_password_hashes: wrapped,
    account_key_version: version,
  }),
  touches: ({ user_id: userId }) => [touchedLoginProfile(userId)],
});

/** @throws ApiError `EntityNotExist.User.LoginProfile` */
export async function loadLoginProfile(context: RequestContext, userId: UserId): Promise<LoginProfile> {
  const profile = await context.find(loginProfileKind, userId);
  if (profile === undefined) throw new ApiError("EntityNotExist.User.LoginProfile");
  return profile;
}

export function touchedLoginProfile(userId: string): Touched {
  return { kind: loginProfileKind, id: userId };
}

/** What may be changed of a login profile; what is left out stays as it is. */
export interface LoginProfileChange {
  /** A new password's hash. */
  readonly passwordHash?: string | undefined;
  readonly isPasswordResetRequired?: boolean | undefined;
  readonly isMfaBindRequired?: boolean | undefined;
}

export async function insertLoginProfile(
  context: RequestContext,
  { userId, accountId }: User,
  profile: Required<LoginProfileChange> & { readonly passwordHash: string },
): Promise<RowChange> {
  const { guard, db, now } = context;
  return loginProfileTable.insert(guard, db, {
    user_id: userId,
    account_id: accountId,
    ...(await wrapHashes(context, { accountId, userId, hashes: [profile.passwordHash] })),
    password_changed_at: now,
    password_reset_required: Number(profile.isPasswordResetRequired),
    mfa_bind_required: Number(profile.isMfaBindRequired),
    created_at: now,
  });
}

export async function changeLoginProfile(
  context: RequestContext,
  profile: LoginProfile,
  change: LoginProfileChange,
): Promise<RowChange> {
  const { guard, db, now } = context;
  const { stored, isMfaBindRequired, isPasswordResetRequired } = profile;
  const { passwordHash } = change;
  const password =
    passwordHash === undefined
      ? {}
      : {
          ...(await wrapHashes(context, {
            ...profile,
            hashes: [passwordHash, ...(await openHashes(context, profile))].slice(0, KEPT_HASHES),
          })),
          password_changed_at: now,
        };
  return loginProfileTable.update(guard, db, stored, {
    ...stored.row,
    ...password,
    password_reset_required: Number(change.isPasswordResetRequired ?? isPasswordResetRequired),
    mfa_bind_required: Number(change.isMfaBindRequired ?? isMfaBindRequired),
  });
}

export function deleteLoginProfileRow({ guard, db }: RequestContext, { stored }: LoginProfile): RowChange {
  return loginProfileTable.delete(guard, db, stored);
}

/** As many as a password policy can ask for. */
const KEPT_HASHES = PASSWORD_POLICY_LIMITS.reusePrevention.max;

const hashesJson = z.array(z.string()).min(1);

/** The hashes of a user's passwords, the present one's first. */
export async function openHashes(
  context: RequestContext,
  { accountId, userId, stored }: LoginProfile,
): Promise<readonly string[]> {
  const { wrapped_password_hashes: wrapped, account_key_version: version } = stored.row;
  const identity = hashesIdentity({ accountId, userId });
  const json = await unwrapUnderAccount(context, { accountId, identity, wrapped, version });
  try {
    return hashesJson.parse(JSON.parse(json.toString()));
  } finally {
    json.fill(0);
  }
}

async function wrapHashes(
  context: RequestContext,
  of: { readonly accountId: AccountId; readonly userId: UserId; readonly hashes: readonly string[] },
): Promise<Pick<LoginProfileRow, "wrapped_password_hashes" | "account_key_version">> {
  const { accountId } = of;
  const value = Buffer.from(JSON.stringify(of.hashes));
  try {
    const { wrapped, version } = await wrapUnderAccount(context, { accountId, identity: hashesIdentity(of), value });
    return { wrapped_password_hashes: wrapped, account_key_version: version };
  } finally {
    value.fill(0);
  }
}

function hashesIdentity({
  accountId,
  userId,
}: {
  readonly accountId: string;
  readonly userId: string;
}): WrappedIdentity {
  return ["password hashes", accountId, userId];
}
