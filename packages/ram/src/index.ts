import type { AccountKeyUse, DeclaredOperation, SweptTable } from "@cinnabar/kernel";
import { type AccessParts, getAccessExplanation } from "./access/get-access-explanation.ts";
import { listPrincipalsForAction } from "./access/list-principals-for-action.ts";
import { accessKeySecrets, accessKeyTable } from "./access-key/access-key-repository.ts";
import { accountTable } from "./account.ts";
import { attachmentTable } from "./attachment/attachment-repository.ts";
import { groupTable } from "./group/group-repository.ts";
import { membershipTable } from "./group/membership-repository.ts";
import { loginProfileTable, passwordHashes } from "./login-profile/login-profile-repository.ts";
import { mfaDeviceTable, mfaSeeds } from "./mfa/mfa-device-repository.ts";
import { oidcProviderTable } from "./oidc/provider-repository.ts";
import { policyTable, policyVersionTable } from "./policy/policy-repository.ts";
import { roleAndPolicyOperations } from "./role-and-policy-operations.ts";
import { roleTable } from "./role/role-repository.ts";
import { getSeparationOfDuties } from "./separation/get-separation-of-duties.ts";
import { listPrincipalsWithBothRights } from "./separation/list-principals-with-both-rights.ts";
import { setSeparationOfDuties } from "./separation/set-separation-of-duties.ts";
import { accountAliasTable, passwordPolicyTable, securityPreferenceTable } from "./settings/identity-settings.ts";
import { ramTagTable } from "./tag/tag-repository.ts";
import { type TrialParts, tryPolicy } from "./trial/try-policy.ts";
import { userTable } from "./user/user-repository.ts";
import { userOperations, type UserOperationParts } from "./user-operations.ts";

export type { Applications, KnownApplication } from "./access/applications.ts";
export type { FindRight, FoundRight } from "./access/asked-resource.ts";
export type { FindLastUse } from "./access-key/get-access-key-last-used.ts";
export type { AccessKeyEntry } from "./access-key/access-key-repository.ts";
export { accountKind, type AccountSettings, SEPARATIONS, type SeparationOfDuties } from "./account.ts";
export type { KeepAccessKey } from "./access-key/keep-access-key.ts";
export { type AccountSummary, Administration, MAX_ROOT_ACCESS_KEYS } from "./administration.ts";
export { AdministrationError, type AdministrationErrorCode } from "./administration-error.ts";
export { listAccountIds } from "./account.ts";
export { createAuthenticator } from "./authenticator.ts";
export { createAuthorizer } from "./authorization/authorizer.ts";
export { firstAccountId, hasAccessKey } from "./find-accounts.ts";
export { ramMigrations } from "./migrations.ts";
export { fetchDocument, FetchError } from "./oidc/fetch-document.ts";
export { OidcProviders } from "./oidc/providers.ts";
export type { OidcProvider, OidcProviderSettings } from "./oidc/provider-repository.ts";
export type { RecordedCalls, RecordedEvent, SecondsRange } from "./trial/recorded-calls.ts";
export { type SystemPolicy, systemPolicies } from "./policy/system-policies.ts";
export { isServiceName, type ServiceName, SERVICES } from "./service/service-name.ts";
export { type Service, Services } from "./service/services.ts";
export type { Conflict } from "./separation/conflict.ts";
export type { KeyPolicies } from "./separation/key-policies.ts";
export type { ProbedKey } from "./separation/key-rights.ts";
export { Separation, SEPARATION_ERRORS } from "./separation/separation.ts";
export { stsOperations } from "./sts/index.ts";
export { newAccount, type NewAccount } from "./new-account.ts";
export type { NewAccessKey } from "./access-key/new-access-key.ts";

/** Every table of this product whose rows are authenticated. */
export const ramTables: readonly SweptTable[] = [
  accountTable,
  oidcProviderTable,
  accessKeyTable,
  userTable,
  groupTable,
  membershipTable,
  loginProfileTable,
  mfaDeviceTable,
  accountAliasTable,
  passwordPolicyTable,
  securityPreferenceTable,
  roleTable,
  policyTable,
  policyVersionTable,
  attachmentTable,
  ramTagTable,
];

/** Every operation of RAM, and those that its published API does not have: questions about rights, and the separation of duties. */
export function ramOperations(parts: UserOperationParts & AccessParts & TrialParts): readonly DeclaredOperation[] {
  return [
    ...userOperations(parts),
    ...roleAndPolicyOperations(parts.separation),
    getAccessExplanation(parts),
    listPrincipalsForAction(parts),
    tryPolicy(parts),
    getSeparationOfDuties,
    listPrincipalsWithBothRights(parts),
    setSeparationOfDuties,
  ];
}

/** Every column of this product that is wrapped under account keys. */
export const ramAccountKeyUses: readonly AccountKeyUse[] = [accessKeySecrets, passwordHashes, mfaSeeds];
