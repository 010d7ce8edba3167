import type { SweptTable } from "@cinnabar/kernel";
import { accessKeyTable } from "./access-key.ts";
import { accountTable } from "./account.ts";

export type { AccessKeyEntry } from "./access-key.ts";
export { type AccountSummary, Administration, type KeepAccessKey, MAX_ROOT_ACCESS_KEYS } from "./administration.ts";
export { AdministrationError, type AdministrationErrorCode } from "./administration-error.ts";
export { createAuthenticator } from "./authenticator.ts";
export { firstAccountId, hasAccessKey } from "./find-accounts.ts";
export { ramMigrations } from "./migrations.ts";
export { newAccount } from "./new-account.ts";
export type { NewAccessKey } from "./new-access-key.ts";

/** Every table of this product whose rows are authenticated. */
export const ramTables: readonly SweptTable[] = [accountTable, accessKeyTable];
