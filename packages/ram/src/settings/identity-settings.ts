import {
  type EntityKind,
  type EntityReader,
  ProtectedTable,
  type RowOf,
  type Touched,
  type Verified,
} from "@cinnabar/kernel";
import { DEFAULT_PASSWORD_POLICY, type PasswordPolicy } from "./password-policy.ts";
import { DEFAULT_SECURITY_PREFERENCE, type SecurityPreference } from "./security-preference.ts";

const aliasColumns = { alias: "text", account_id: "text", created_at: "integer" } as const;

const passwordPolicyColumns = {
  account_id: "text",
  minimum_length: "integer",
  require_lowercase: "integer",
  require_uppercase: "integer",
  require_numbers: "integer",
  require_symbols: "integer",
  hard_expiry: "integer",
  max_age_days: "integer",
  reuse_prevention: "integer",
  max_login_attempts: "integer",
} as const;

const securityPreferenceColumns = {
  account_id: "text",
  users_change_password: "integer",
  users_manage_access_keys: "integer",
  users_manage_mfa_devices: "integer",
  users_manage_public_keys: "integer",
  save_mfa_ticket: "integer",
  login_network_masks: "text?",
  login_session_hours: "integer",
} as const;

export const accountAliasTable = new ProtectedTable("account_alias", { columns: aliasColumns, identity: ["alias"] });

export const passwordPolicyTable = new ProtectedTable("password_policy", {
  columns: passwordPolicyColumns,
  identity: ["account_id"],
});

export const securityPreferenceTable = new ProtectedTable("security_preference", {
  columns: securityPreferenceColumns,
  identity: ["account_id"],
});

export type PasswordPolicyRow = RowOf<typeof passwordPolicyColumns>;
export type SecurityPreferenceRow = RowOf<typeof securityPreferenceColumns>;

type SettingsSchema = {
  account_alias: RowOf<typeof aliasColumns>;
  password_policy: PasswordPolicyRow;
  security_preference: SecurityPreferenceRow;
};

/** What an account says about its users and their logging on; a row is `undefined` where it never said anything. */
export interface IdentitySettings {
  readonly alias: string | undefined;
  readonly passwordPolicy: PasswordPolicy;
  readonly securityPreference: SecurityPreference;
  readonly stored: {
    readonly alias: Verified<RowOf<typeof aliasColumns>> | undefined;
    readonly passwordPolicy: Verified<PasswordPolicyRow> | undefined;
    readonly securityPreference: Verified<SecurityPreferenceRow> | undefined;
  };
}

/** The settings of accounts by their ids. Every account has some. */
export const identitySettingsKind: EntityKind<IdentitySettings> = {
  name: "identity-settings",
  capacity: 1_000,
  async load(reader, id) {
    const { guard } = reader;
    const db = reader.db.$extendTables<SettingsSchema>();
    const alias = await db.selectFrom("account_alias").selectAll().where("account_id", "=", id).executeTakeFirst();
    const policy = await db.selectFrom("password_policy").selectAll().where("account_id", "=", id).executeTakeFirst();
    const preference = await db
      .selectFrom("security_preference")
      .selectAll()
      .where("account_id", "=", id)
      .executeTakeFirst();
    const asked = { account_id: id };
    const stored = {
      alias: alias && accountAliasTable.verify(guard, alias, asked),
      passwordPolicy: policy && passwordPolicyTable.verify(guard, policy, asked),
      securityPreference: preference && securityPreferenceTable.verify(guard, preference, asked),
    };
    return {
      alias: stored.alias?.row.alias,
      passwordPolicy:
        stored.passwordPolicy === undefined ? DEFAULT_PASSWORD_POLICY : toPasswordPolicy(stored.passwordPolicy.row),
      securityPreference:
        stored.securityPreference === undefined
          ? DEFAULT_SECURITY_PREFERENCE
          : toSecurityPreference(stored.securityPreference.row),
      stored,
    };
  },
};

export function touchedSettings(accountId: string): Touched {
  return { kind: identitySettingsKind, id: accountId };
}

/** Whether any account of the deployment has this alias. */
export async function isAliasTaken({ db }: EntityReader, alias: string): Promise<boolean> {
  const row = await db
    .$extendTables<SettingsSchema>()
    .selectFrom("account_alias")
    .select("alias")
    .where("alias", "=", alias)
    .executeTakeFirst();
  return row !== undefined;
}

export function toPasswordPolicyRow(accountId: string, policy: PasswordPolicy): PasswordPolicyRow {
  return {
    account_id: accountId,
    minimum_length: policy.minimumLength,
    require_lowercase: Number(policy.requireLowercase),
    require_uppercase: Number(policy.requireUppercase),
    require_numbers: Number(policy.requireNumbers),
    require_symbols: Number(policy.requireSymbols),
    hard_expiry: Number(policy.hardExpiry),
    max_age_days: policy.maxAgeDays,
    reuse_prevention: policy.reusePrevention,
    max_login_attempts: policy.maxLoginAttempts,
  };
}

function toPasswordPolicy(row: PasswordPolicyRow): PasswordPolicy {
  return {
    minimumLength: row.minimum_length,
    requireLowercase: row.require_lowercase === 1,
    requireUppercase: row.require_uppercase === 1,
    requireNumbers: row.require_numbers === 1,
    requireSymbols: row.require_symbols === 1,
    hardExpiry: row.hard_expiry === 1,
    maxAgeDays: row.max_age_days,
    reusePrevention: row.reuse_prevention,
    maxLoginAttempts: row.max_login_attempts,
  };
}

export function toSecurityPreferenceRow(accountId: string, preference: SecurityPreference): SecurityPreferenceRow {
  return {
    account_id: accountId,
    users_change_password: Number(preference.usersChangePassword),
    users_manage_access_keys: Number(preference.usersManageAccessKeys),
    users_manage_mfa_devices: Number(preference.usersManageMfaDevices),
    users_manage_public_keys: Number(preference.usersManagePublicKeys),
    save_mfa_ticket: Number(preference.saveMfaTicket),
    login_network_masks: preference.loginNetworkMasks ?? null,
    login_session_hours: preference.loginSessionHours,
  };
}

function toSecurityPreference(row: SecurityPreferenceRow): SecurityPreference {
  return {
    usersChangePassword: row.users_change_password === 1,
    usersManageAccessKeys: row.users_manage_access_keys === 1,
    usersManageMfaDevices: row.users_manage_mfa_devices === 1,
    usersManagePublicKeys: row.users_manage_public_keys === 1,
    saveMfaTicket: row.save_mfa_ticket === 1,
    loginNetworkMasks: row.login_network_masks ?? undefined,
    loginSessionHours: row.login_session_hours,
  };
}
