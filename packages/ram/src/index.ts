import type { SweptTable } from "@cinnabar/kernel";
import { accessKeyTable } from "./access-key.ts";
import { accountTable } from "./account.ts";

export { createAuthenticator } from "./authenticator.ts";
export { firstAccountId, hasAccessKey } from "./find-accounts.ts";
export { firstAccount, type FirstAccount } from "./first-account.ts";
export { ramMigrations } from "./migrations.ts";

/** Every table of this product whose rows are authenticated. */
export const ramTables: readonly SweptTable[] = [accountTable, accessKeyTable];
