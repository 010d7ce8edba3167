import type { AccountKeyUse, SweptTable } from "@cinnabar/kernel";
import { accessKeySecrets, accessKeyTable } from "./access-key.ts";
import { accountTable } from "./account.ts";

export type { AccessKeyEntry } from "./access-key.ts";
export { accountKind, type AccountSettings } from "./account.ts";
export { type AccountSummary, Administration, type KeepAccessKey, MAX_ROOT_ACCESS_KEYS } from "./administration.ts";
export { AdministrationError, type AdministrationErrorCode } from "./administration-error.ts";
export { listAccountIds } from "./account.ts";
export { createAuthenticator } from "./authenticator.ts";
export { firstAccountId, hasAccessKey } from "./find-accounts.ts";
export { ramMigrations } from "./migrations.ts";
export { newAccount, type NewAccount } from "./new-account.ts";
export type { NewAccessKey } from "./new-access-key.ts";

/** Every table of this product whose rows are authenticated. */
export const ramTables: readonly SweptTable[] = [accountTable, accessKeyTable];

/** Every column of this product that is wrapped under account keys. */
export const ramAccountKeyUses: readonly AccountKeyUse[] = [accessKeySecrets];
