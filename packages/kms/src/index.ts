import type { AccountKeyUse, DeclaredOperation, SweptTable } from "@cinnabar/kernel";
import { describeAccountKmsStatus } from "./account/describe-account-kms-status.ts";
import { openKmsService } from "./account/open-kms-service.ts";
import { aliasTable } from "./alias/alias-repository.ts";
import { createAlias } from "./alias/create-alias.ts";
import { deleteAlias } from "./alias/delete-alias.ts";
import { listAliases } from "./alias/list-aliases.ts";
import { listAliasesByKeyId } from "./alias/list-aliases-by-key-id.ts";
import { updateAlias } from "./alias/update-alias.ts";
import { decrypt } from "./cryptography/decrypt.ts";
import { encrypt } from "./cryptography/encrypt.ts";
import { generateDataKey } from "./cryptography/generate-data-key.ts";
import { generateDataKeyWithoutPlaintext } from "./cryptography/generate-data-key-without-plaintext.ts";
import { reEncrypt } from "./cryptography/re-encrypt.ts";
import { cancelKeyDeletion } from "./key/cancel-key-deletion.ts";
import { createKey } from "./key/create-key.ts";
import { describeKey } from "./key/describe-key.ts";
import { disableKey } from "./key/disable-key.ts";
import { enableKey } from "./key/enable-key.ts";
import { destructionTable } from "./destruction/destruction-repository.ts";
import { getKeyUsage } from "./key/get-key-usage.ts";
import { keyTable, keyVersionTable } from "./key/key-repository.ts";
import type { KeyUsageSource } from "./key/key-usage.ts";
import { keyMaterial } from "./key/key-material.ts";
import { listKeys } from "./key/list-keys.ts";
import { scheduleKeyDeletion } from "./key/schedule-key-deletion.ts";
import { setDeletionProtection } from "./key/set-deletion-protection.ts";
import { updateKeyDescription } from "./key/update-key-description.ts";
import { getKeyPolicy } from "./policy/get-key-policy.ts";
import { setKeyPolicy } from "./policy/set-key-policy.ts";
import { describeRegions } from "./region/describe-regions.ts";
import { describeService } from "./region/describe-service.ts";
import { listResourceTags } from "./tag/list-resource-tags.ts";
import { listTagResources } from "./tag/list-tag-resources.ts";
import { tagTable } from "./tag/tag-repository.ts";
import { tagResource } from "./tag/tag-resource.ts";
import { tagResources } from "./tag/tag-resources.ts";
import { untagResource } from "./tag/untag-resource.ts";
import { untagResources } from "./tag/untag-resources.ts";

export { destroyKey } from "./destruction/destroy-key.ts";
export {
  findNextRetirement,
  listRetiringAccounts,
  retireAccountKey,
  type RetirementStep,
  type RetiringAccount,
} from "./destruction/retire-account-key.ts";
export { forgetDestroyed } from "./destruction/forget-destroyed.ts";
export { type DueKey, findNextDeletion, listDueKeys } from "./key/key-repository.ts";
export { recordedRights } from "./key/recorded-rights.ts";
export type { KeyUsage, KeyUsageSource, UsageCount, UsagePrincipal, UsageTally } from "./key/key-usage.ts";
export { findKeyRight } from "./policy/find-key-right.ts";
export { TagHistory } from "./tag/tag-history.ts";
export { kmsMigrations } from "./migrations.ts";

/** The operations that do cryptography with keys: calls of these are uses of a key. */
export const cryptographicOperations: readonly DeclaredOperation[] = [
  encrypt,
  decrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  reEncrypt,
];

/** Every operation of Alibaba Cloud KMS 2016-01-20 that is served, and GetKeyUsage. */
export const kmsOperations = ({ usage }: { usage: KeyUsageSource }): readonly DeclaredOperation[] => [
  createKey,
  describeKey,
  listKeys,
  updateKeyDescription,
  enableKey,
  disableKey,
  scheduleKeyDeletion(usage),
  getKeyUsage(usage),
  cancelKeyDeletion,
  setDeletionProtection,
  getKeyPolicy,
  setKeyPolicy,
  createAlias,
  updateAlias,
  deleteAlias,
  listAliases,
  listAliasesByKeyId,
  tagResource,
  untagResource,
  listResourceTags,
  tagResources,
  untagResources,
  listTagResources,
  ...cryptographicOperations,
  describeAccountKmsStatus,
  openKmsService,
  describeRegions,
  describeService,
];

/** The tables whose deleted rows held wrapped material, or said what it was for. */
export const materialTables: readonly string[] = [keyTable, keyVersionTable, aliasTable, tagTable].map(
  ({ name }) => name,
);

/** Every table of this package whose rows decide something, for the sweep. */
export const kmsTables: readonly SweptTable[] = [keyTable, keyVersionTable, aliasTable, tagTable, destructionTable];

/** Every column of this package that is wrapped under account keys. */
export const kmsAccountKeyUses: readonly AccountKeyUse[] = [keyMaterial];
